"""`ft42 init` begins a project, and never destroys one."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    ".env", ".gitignore", ".local", "constraints.txt", "meltano.yml",
    "target-postgres.logging.yml",
}  # fmt: skip


def init(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from ft42_warehouse.starting import main; main()",
         "init", str(folder)],
        capture_output=True, check=False, text=True,
    )  # fmt: skip


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_it_writes_a_project_into_a_new_folder(tmp_path: Path) -> None:
    folder = tmp_path / "new/intranet"
    done = init(folder)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in folder.iterdir()} == FILES
    assert "meltano run nightly" in done.stdout
    assert "{version}" not in (folder / "meltano.yml").read_text(encoding="utf-8")


def test_secrets_will_be_readable_by_their_owner_only(tmp_path: Path) -> None:
    init(tmp_path / "intranet")
    env = tmp_path / "intranet/.env"
    assert env.stat().st_mode & 0o777 == 0o600
    lines = env.read_text(encoding="utf-8").splitlines()
    assert all(line.startswith("#") for line in lines if line), "placeholders only"
    assert any("TAP_FT42_CLIENT_SECRET=" in line for line in lines)


def test_a_second_time_changes_nothing_and_keeps_what_was_filled_in(tmp_path: Path) -> None:
    folder = tmp_path / "intranet"
    init(folder)
    (folder / ".env").write_text("TAP_FT42_CLIENT_SECRET=of-mine\n")
    before = contents(folder)
    assert init(folder).returncode == 0
    assert contents(folder) == before


def test_a_file_that_is_lost_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "intranet"
    init(folder)
    before = contents(folder)
    (folder / "meltano.yml").unlink()
    assert init(folder).returncode == 0
    assert contents(folder) == before


def test_what_somebody_else_wrote_is_not_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "intranet"
    folder.mkdir()
    (folder / "meltano.yml").write_text("plugins: {}\n")
    done = init(folder)
    assert done.returncode == 1
    assert "meltano.yml" in done.stderr
    assert contents(folder) == {"meltano.yml": b"plugins: {}\n"}


def test_a_place_that_holds_no_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = init(tmp_path / "file/intranet")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr


def test_a_link_in_the_way_is_not_written_through(tmp_path: Path) -> None:
    folder, others = tmp_path / "intranet", tmp_path / "of-another-project.yml"
    folder.mkdir()
    (folder / "meltano.yml").symlink_to(others)  # which is not there
    assert init(folder).returncode == 1
    assert not others.exists()
