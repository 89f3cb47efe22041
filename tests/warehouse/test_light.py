"""What each quarter of an hour calls costs as little as it can."""

from __future__ import annotations

import subprocess
import sys
from itertools import chain
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.known_files import ROOT, known_files
from tests.warehouse.conftest import user

if TYPE_CHECKING:
    from tests.warehouse.conftest import Warehouse

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


@pytest.mark.few(1)
@pytest.mark.parametrize("command", ["outcome", "publish", "status"])
def test_a_command_imports_what_it_needs_and_no_more(command: str) -> None:
    found = imported_by(command, "--help")
    assert "psycopg" in found
    assert {name.partition(".")[0] for name in found} & FOR_OTHERS == set()
    called = {name for name in found if name.startswith("ft42_warehouse.commands.")}
    shared = {f"ft42_warehouse.commands.{name}" for name in ("options", "preparing")}
    # A publish may tell the outcome, too.
    shared |= {"ft42_warehouse.commands.outcome"} if command == "publish" else set()
    assert called - shared == {f"ft42_warehouse.commands.{command}"}


def test_the_help_lists_all_commands() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from ft42_warehouse.cli import main\nmain(['--help'])"],
        capture_output=True, check=True, text=True,
    )  # fmt: skip
    listed = done.stdout.partition("Commands:")[2].partition("\n\n")[0].splitlines()
    assert list(chain.from_iterable(line.split()[:1] for line in listed)) == [
        "alert", "campuses", "check", "forget", "init", "outcome", "person", "publish",
        "rebuild", "report", "sql", "status",
    ]  # fmt: skip


def test_no_command_reads_the_settings_of_targets_that_nobody_uses() -> None:
    project = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    read = {
        name for paths in project["include_paths"] for name in known_files(f":(glob){paths}")
    }
    assert read == {"target-config/target-postgres.meltano.yml"}


def test_a_quarter_of_an_hour_starts_three_programs() -> None:
    project = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    (job,) = (job for job in project["jobs"] if job["name"] == "incremental")
    programs = [program for task in job["tasks"] for program in task.split()]
    assert len(programs) == 3
    # Meltano starts the tap a second time, for its catalog, if it is installed with -e.
    (tap,) = (one for one in project["plugins"]["extractors"] if "pip_url" in one)
    assert not tap["pip_url"].startswith("-e")


@pytest.mark.slow
def test_the_publish_of_a_job_prepares_a_database_that_nobody_has(empty: Warehouse) -> None:
    # As the stock target makes its tables.
    empty.execute(
        "CREATE SCHEMA ft42_raw; CREATE TABLE ft42_raw.users (id bigint, cursus_id bigint, "
        "login varchar, kind varchar, alumni boolean, updated_at timestamp, "
        "_sdc_batched_at timestamp, _sdc_extracted_at timestamp, PRIMARY KEY (id, cursus_id))"
    )
    empty.land("users", user(1), user(2))
    assert "2 new" in empty.run("publish", "--job", "incremental")
    assert empty.published("users") == [1, 2]
    assert "ft42_raw.users" not in empty.run("status", "--json")


@pytest.mark.slow
def test_the_publish_of_a_job_prepares_once_a_version(warehouse: Warehouse) -> None:
    trigger = "SELECT FROM pg_trigger WHERE tgname = 'ft42_stamp' AND tgrelid = %s::regclass"
    warehouse.execute("DROP TRIGGER ft42_stamp ON ft42_raw.blocs")
    warehouse.run("publish", "--job", "incremental")
    assert warehouse.query(trigger, "ft42_raw.blocs") == []  # the night makes it anew
    warehouse.execute(
        "UPDATE ft42_warehouse.objects SET digest = 'of an older one' "
        "WHERE name LIKE 'version %%'"
    )
    warehouse.run("publish", "--job", "incremental")
    assert len(warehouse.query(trigger, "ft42_raw.blocs")) == 1


def test_the_loader_does_not_search_what_it_has_imported_for_cycles() -> None:
    config = ROOT / "target-config/target-postgres.logging.yml"
    call = (
        "import gc, logging.config, sys, yaml\n"
        "logging.config.dictConfig(yaml.safe_load(open(sys.argv[1])))\n"
        "print(gc.get_freeze_count())"
    )
    done = subprocess.run(
        [sys.executable, "-c", call, config], capture_output=True, check=True, text=True
    )
    assert int(done.stdout) > 10_000
