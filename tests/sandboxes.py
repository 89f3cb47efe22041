"""Sandboxes for tests, forked from a process that has their data ready.

To import the sandbox takes half a second of CPU, and to generate its people nearly as long.
"""

from __future__ import annotations

import atexit
import gc
import multiprocessing
import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager, suppress
from functools import cache, lru_cache
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import click
from ft42_sandbox import testing

from tests.known_files import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ft42_sandbox.settings import World
    from ft42_sandbox.testing import RunningSandbox

_WORLDS = 2
"""How many are kept: that of most tests, and that of a module."""
_PATIENCE = 10
"""Seconds that a sandbox has to end when it is told to."""
_PROGRAM = "import sys; from tests.sandboxes import fork_for; fork_for(int(sys.argv[1]))"


class _Forks:
    """The process that forks sandboxes."""

    def __init__(self, path: str) -> None:
        self._connection, theirs = multiprocessing.Pipe()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, str(theirs.fileno())],
                cwd=ROOT, env={**os.environ, "PYTHONPATH": path},
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
            )  # fmt: skip

    def ask(self, *request: object) -> Any:  # noqa: ANN401 - what is asked for
        self._connection.send(request)
        return self._connection.recv()

    def end(self) -> None:
        """Stop asking, and see it end."""
        self._connection.close()
        self._process.wait()


@cache
def _forks(path: str) -> _Forks:
    """Return the process for sandboxes with that PYTHONPATH: some tests have own endpoints."""
    forks = _Forks(path)
    atexit.register(forks.end)
    return forks


@contextmanager
def _forked(words: Sequence[str], environment: Mapping[str, str]) -> Iterator[str]:
    forks = _forks(environment.get("PYTHONPATH", ""))
    number, said = forks.ask("start", list(words), dict(environment))
    try:
        yield said
    finally:
        forks.ask("stop", number)


@contextmanager
def running_sandbox(
    *, ca_file: str | None = None, **settings: object
) -> Iterator[RunningSandbox]:
    """As the package's, which starts a process that imports and generates all anew."""
    with testing.started(_forked, settings, ca_file) as sandbox:
        yield sandbox


# What the process does that forks them


def fork_for(descriptor: int) -> None:
    """Start and stop sandboxes until nobody asks any more.

    Args:
        descriptor: Of the connection to who asks.
    """
    from ft42_sandbox import sandbox  # noqa: PLC0415 - the tests themselves do not need it
    from ft42_sandbox.generate import generate  # noqa: PLC0415 - as above

    ready = lru_cache(_WORLDS)(generate)
    connection, running = Connection(descriptor), dict[int, _Fork]()
    with suppress(EOFError), patch.object(sandbox, "generate", ready):
        while True:
            match connection.recv():
                case "start", words, environment:
                    with suppress(ValueError, click.ClickException):  # it tells by itself
                        ready(_world_of(words))
                        gc.freeze()
                    fork = _Fork(words, environment)
                    running[fork.number] = fork
                    connection.send((fork.number, fork.first_words()))
                case "stop", number:
                    running.pop(number).end()
                    connection.send(None)
    for fork in running.values():
        fork.end()


def _world_of(words: Sequence[str]) -> World:
    from ft42_sandbox import cli  # noqa: PLC0415 - as above

    with cli.serve.make_context("serve", list(words[1:])) as context:
        world, _ = cli.split(context.params)
    return world


class _Fork:
    """A sandbox in a process of its own, and what it writes."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str]) -> None:
        self._resources = ExitStack()
        self._errors = self._resources.enter_context(testing.complaints())
        greeting, own = os.pipe()
        self._greeting = self._resources.enter_context(os.fdopen(greeting, encoding="utf-8"))
        self._process = multiprocessing.get_context("fork").Process(
            target=_serve, args=(words, environment, own, self._errors.fileno()), daemon=True
        )
        self._process.start()
        os.close(own)
        self.number = self._process.pid or 0

    def first_words(self) -> str:
        """Return the line that tells the address, or why there is none."""
        return self._greeting.readline().strip() or testing.written(self._errors)

    def end(self) -> None:
        self._process.terminate()
        self._process.join(_PATIENCE)
        self._process.kill()
        self._process.join()
        self._process.close()
        self._resources.close()


def _serve(
    words: Sequence[str], environment: Mapping[str, str], output: int, errors: int
) -> None:
    """Become a sandbox."""
    from ft42_sandbox import cli  # noqa: PLC0415 - as above

    os.dup2(output, 1)
    os.dup2(errors, 2)
    os.close(output)
    os.environ.clear()
    os.environ.update(environment)
    cli.main(words)
