"""Runs several reads at once, and yields their parts in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
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
    running: deque[tuple[asyncio.Task[None], asyncio.Queue[_Part | None]]] = deque()
    try:
        while True:
            while len(running) < at_once and (reading := next(waiting, None)) is not None:
                parts: asyncio.Queue[_Part | None] = asyncio.Queue()
                running.append((asyncio.ensure_future(_pour(reading, parts)), parts))
            if not running:
                return
            task, parts = running[0]
            while (part := await parts.get()) is not None:
                yield part
            await task
            running.popleft()
    finally:
        for task, _ in running:
            task.cancel()


async def _pour(reading: AsyncIterator[_Part], parts: asyncio.Queue[_Part | None]) -> None:
    try:
        async for part in reading:
            parts.put_nowait(part)
    finally:
        parts.put_nowait(None)
