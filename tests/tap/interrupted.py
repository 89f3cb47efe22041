"""Runs that end before they have read all: at a budget's end, or killed."""

from __future__ import annotations

import signal
import tempfile
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Run, Tap


def asked_so_far(sandbox: RunningSandbox) -> int:
    """How many requests came, without those for tokens."""
    return int(sandbox.requests()["total"])


_GOES_ON = "goes on with the next run"


def in_bounded_runs(tap: Tap, *streams: str, **settings: object) -> list[Run]:
    """Run until a run reads all that is left, each with the state of the one before."""
    runs: list[Run] = []
    settings["spool"] = tempfile.mkdtemp(dir=tap.folder)
    while not runs or said_why_it_ended(runs[-1]) or _GOES_ON in runs[-1].log:
        state = runs[-1].state if runs else None
        runs.append(tap.run(*streams, state=state, **settings))
        assert len(runs) < 40
    return runs


def said_why_it_ended(run: Run) -> list[str]:
    return [line for line in run.log.splitlines() if "The run ends here" in line]


def killed(
    here: Tap,
    sandbox: RunningSandbox,
    *streams: str,
    after: int,
    state: dict[str, Any] | None = None,
) -> Run:
    """A run that was killed when the API had been asked so often."""
    sandbox.reset_requests()
    sandbox.fault("drip", after=after, seconds=60)
    started = here.start(*streams, state=state)
    for _ in range(400):
        if asked_so_far(sandbox) >= after:
            break
        time.sleep(0.02)
    time.sleep(0.2)
    started.signal(signal.SIGKILL)
    run = started.finish()
    sandbox.clear_faults()
    return run
