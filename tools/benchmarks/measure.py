"""How long a command takes, how much memory it needs, and how it ends."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

SAMPLE_SECONDS = 0.1

interrupted = threading.Event()
"""Once set, commands are killed and no other is started: the benchmarks have to end."""


class InterruptedRunError(Exception):
    """A command was not run to its end, since the benchmarks have to end."""


@dataclass(frozen=True)
class Command:
    """What starts a tool.

    Attributes:
        words: program and arguments; nothing secret.
        environment: all of its environment variables.
        directory: where it runs.
    """

    words: Sequence[str | Path]
    environment: dict[str, str]
    directory: Path


@dataclass
class Peak:
    """The most memory that was seen, in bytes of resident set.

    Pages that processes share are counted in each of them.

    Attributes:
        tree: of all processes of the command together.
        processes: of each program by itself, by name.
    """

    tree: int = 0
    processes: dict[str, int] = field(default_factory=dict)

    def see(self, processes: list[psutil.Process]) -> None:
        """Take a sample of the processes that still live."""
        resident = 0
        for process in processes:
            with suppress(psutil.Error):
                size = process.memory_info().rss
                resident += size
                name = _program(process)
                self.processes[name] = max(size, self.processes.get(name, 0))
        self.tree = max(self.tree, resident)


@dataclass(frozen=True)
class Outcome:
    """What became of a command.

    Attributes:
        started: when, in seconds since 1970.
        ended: when the last of its processes was gone.
        exit_code: 0 if all went well; negative if a signal ended it.
        peak: the most memory.
        cpu_seconds: what its processes used of processors; if no other command was run
            meanwhile.
    """

    started: float
    ended: float
    exit_code: int
    peak: Peak
    cpu_seconds: float

    @property
    def seconds(self) -> float:
        """From start to end."""
        return self.ended - self.started


def run(
    command: Command,
    log: Path,
    *,
    timeout: float,
    kill_when: Callable[[], bool] | None = None,
    look_every: float = SAMPLE_SECONDS,
) -> Outcome:
    """Run a command to its end, and watch it.

    Args:
        command: What to run.
        log: Where its output goes, after what is there already.
        timeout: Seconds after which it is killed.
        kill_when: Asked again and again; once true, every process of the command
            gets a SIGKILL, as if the machine had lost its power.
        look_every: Seconds between two looks at memory and `kill_when`.

    Returns:
        The outcome.

    Raises:
        InterruptedRunError: `interrupted` is set.
    """
    peak = Peak()
    started, cpu = time.time(), _cpu_of_children()
    with log.open("a") as output:
        process = psutil.Popen(
            [str(word) for word in command.words],
            cwd=command.directory,
            env=command.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    done = threading.Event()
    waiter = threading.Thread(target=_wait, args=(process, done), daemon=True)
    waiter.start()
    seen: list[psutil.Process] = [process]
    try:
        while not done.wait(look_every):
            with suppress(psutil.Error):
                seen = [process, *process.children(recursive=True)]
            peak.see(seen)
            is_late = time.time() - started > timeout
            if is_late or interrupted.is_set() or (kill_when is not None and kill_when()):
                break
    finally:
        if not done.is_set():
            _kill(process)
            done.wait()
    if interrupted.is_set():
        raise InterruptedRunError
    cpu_seconds = _cpu_of_children() - cpu
    return Outcome(started, time.time(), int(process.returncode), peak, cpu_seconds)


def _cpu_of_children() -> float:
    """Return the seconds of all children that have ended, and of theirs."""
    times = os.times()
    return times.children_user + times.children_system


def _wait(process: psutil.Popen, done: threading.Event) -> None:
    process.wait()
    done.set()


def _kill(process: psutil.Popen) -> None:
    tree: list[psutil.Process] = [process]
    with suppress(psutil.Error):
        tree += process.children(recursive=True)
    for member in tree:
        with suppress(psutil.Error):
            member.kill()
    psutil.wait_procs(tree[1:], timeout=10)


def _program(process: psutil.Process) -> str:
    """Return the name of the script that an interpreter runs, else of the program."""
    for word in process.cmdline()[:4]:
        name = word.rpartition("/")[2]
        if name and not name.startswith(("python", "-")):
            return name
    return str(process.name())
