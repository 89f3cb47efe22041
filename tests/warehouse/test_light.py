"""What each quarter of an hour calls costs as little as it can."""

from __future__ import annotations

import subprocess
import sys
from itertools import chain

import pytest

FOR_OTHERS = {"jinja2", "prometheus_client", "pygal", "requests", "sqlalchemy", "urllib3"}
"""What the report and the alerts need, and who names the server by a URL."""

CALL = """
import sys
from ft42_warehouse.cli import main

main(sys.argv[1:], standalone_mode=False)
print(*sorted(sys.modules), sep="\\n", file=sys.stderr)
"""


def imported_by(*arguments: str) -> set[str]:
    """Return the packages that a call of the command has imported when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", CALL, "--host=h", "--user=u", "--database=d", *arguments],
        capture_output=True, check=True, text=True,
    )  # fmt: skip
    return set(done.stderr.split())


@pytest.mark.parametrize("command", ["outcome", "publish", "status"])
def test_a_command_imports_what_it_needs_and_no_more(command: str) -> None:
    found = imported_by(command, "--help")
    assert "psycopg" in found
    assert {name.partition(".")[0] for name in found} & FOR_OTHERS == set()
    called = {name for name in found if name.startswith("ft42_warehouse.commands.")}
    assert called == {f"ft42_warehouse.commands.{name}" for name in (command, "options")}


def test_the_help_lists_all_commands() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from ft42_warehouse.cli import main\nmain(['--help'])"],
        capture_output=True, check=True, text=True,
    )  # fmt: skip
    listed = done.stdout.partition("Commands:")[2].splitlines()
    assert list(chain.from_iterable(line.split()[:1] for line in listed)) == [
        "alert", "campuses", "check", "forget", "init", "outcome", "person", "publish",
        "rebuild", "report", "sql", "status",
    ]  # fmt: skip
