"""The command ``warehouse report --serve`` as a process of its own."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.end_to_end.conftest import BIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres import Database


@contextmanager
def served(
    database: Database, **environment: str
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Serve the report on a free port; yield its URL and the process."""
    process = subprocess.Popen(
        [BIN / "warehouse", "report", "--serve", "--port", "0"],
        env={**os.environ, **database.environment, **environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("The report is at http://127.0.0.1:"), line
        yield line.split()[4], process
    finally:
        process.terminate()
        process.communicate(timeout=60)
