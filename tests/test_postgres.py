"""What the tests' servers leave on the machine."""

from __future__ import annotations

import multiprocessing
import time
from typing import TYPE_CHECKING

from tests import postgres
from tests.postgres import folder_in_memory
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

_FORKS = multiprocessing.get_context("fork")


def test_what_a_killed_run_left_behind_goes_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "ROOM", 0)
    killed = _FORKS.Process(target=hold, args=(tmp_path,))
    killed.start()
    until(lambda: [*tmp_path.glob("*/data")])
    with folder_in_memory(tmp_path) as own:
        assert len([*tmp_path.iterdir()]) == 2  # the other one still runs
    killed.kill()
    killed.join()
    assert len([*tmp_path.iterdir()]) == 1
    with folder_in_memory(tmp_path) as own:
        assert [*tmp_path.iterdir()] == [own]
    assert not [*tmp_path.iterdir()]


def hold(place: Path) -> None:
    """Have a server's data, for as long as it is let."""
    with folder_in_memory(place) as folder:
        (folder / "data").touch()
        time.sleep(60)
