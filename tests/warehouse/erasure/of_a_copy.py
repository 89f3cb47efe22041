"""The warehouse of a copy of the project, with tables that the project does not know."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from typing_extensions import override

from tests.warehouse.conftest import Warehouse

if TYPE_CHECKING:
    from tests.copies import Copy

COMMAND = "from ft42_warehouse.cli import main; main()"


@dataclass(frozen=True)
class WarehouseOfCopy(Warehouse):
    """A database of its own, and the copy's command that keeps it."""

    copy: Copy

    @override
    def run(self, *arguments: str, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", COMMAND, *arguments],
            cwd=self.copy.root,
            env={
                **os.environ,
                **self.copy.environment,
                **self.database.environment,
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
