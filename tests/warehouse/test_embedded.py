"""`ft42-postgres`, the PostgreSQL of the project's own, wherever the project lies."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from click.testing import CliRunner
from ft42_warehouse.embedded import EmbeddedPostgres, main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = CliRunner().invoke(main, ["start", "--directory", f"{tmp_path}/file/data"])
    assert done.exit_code == 1
    assert "file/data cannot hold a database (File exists)" in done.output


def test_the_line_that_connects_can_be_pasted_from_a_folder_with_a_blank(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Server:
        bin_path = tmp_path / "with a blank"

    monkeypatch.setattr(EmbeddedPostgres, "_server", lambda _: Server)
    line = EmbeddedPostgres(tmp_path).psql_line(5442)
    assert shlex.split(line)[1] == f"{tmp_path}/with a blank/psql"
