"""Runs several reads at once, and yields their parts in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from typing import TypeVar

_Part = TypeVar("_Part")

_READ_AHEAD = 3
"""Reads at once, so that requests go on while one read ends."""


async def in_turn(
    readings: Iterable[AsyncIterator[_Part]], at_once: int = _READ_AHEAD
) -> AsyncIterator[_Part]:
    """Run the next reads ahead of the one whose parts are yielded. A failure stops all.

    Yields:
        The parts of the first read, then those of the next one, and so on.
    """
    waiting = iter(readings)
    running: deque[tuple[asyncio.Task[None], asyncio.Queue[_Part | Exception | None]]] = deque()
    try:
        while True:
            while len(running) < at_once and (reading := next(waiting, None)) is not None:
                parts: asyncio.Queue[_Part | Exception | None] = asyncio.Queue()
                task = asyncio.ensure_future(pour(reading, parts.put_nowait))
                running.append((task, parts))
            if not running:
                return
            _, parts = running[0]
            while (part := await parts.get()) is not None:
                if isinstance(part, Exception):
                    raise part
                yield part
            running.popleft()
    finally:
        for task, _ in running:
            task.cancel()


async def pour(
    reading: AsyncIterator[_Part], put: Callable[[_Part | Exception | None], None]
) -> None:
    """Hand the parts of a read to its consumer, then None or the exception that ended it."""
    try:
        async for part in reading:
            put(part)
    except Exception as error:  # noqa: BLE001 - the consumer raises it
        put(error)
    else:
        put(None)
