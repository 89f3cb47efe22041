"""The command: what it says about itself, and the catalog, which is a contract.

`python -m tests.tap.snapshots` writes the catalog's snapshot anew; the difference is
what a reviewer looks at.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest
from tap_ft42.streams import STREAMS as DECLARED

from tests.known_files import ROOT
from tests.tap.running import STREAMS, catalog_of, installed
from tests.tap.snapshots import CATALOG, discovered

if TYPE_CHECKING:
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Tap

LISTINGS = {stream.listing.name: stream.listing for stream in DECLARED}
OF_ITS_OWN = {"rejected_records", "census", "sync_runs", "sync_requests"}
SETTINGS = {
    "client_id", "client_secret", "api_url", "cursus_ids", "cursus_id", "campus_ids",
    "start_date", "page_size", "requests_per_second", "requests_per_hour",
    "settle_seconds", "overlap_seconds", "user_agent",
}  # fmt: skip


@pytest.fixture(scope="module")
def catalog() -> dict[str, Any]:
    """What `--discover` says, by stream."""
    return {entry["stream"]: entry for entry in json.loads(discovered())["streams"]}


def root_of(entry: dict[str, Any]) -> dict[str, Any]:
    (root,) = [item for item in entry["metadata"] if item["breadcrumb"] == []]
    metadata: dict[str, Any] = root["metadata"]
    return metadata


def test_the_catalog_is_the_one_that_was_agreed_on() -> None:
    renew = "if the change is meant: python -m tests.tap.snapshots"
    assert json.loads(discovered()) == json.loads(CATALOG.read_text(encoding="utf-8")), renew


def test_every_schema_file_is_a_stream_and_every_stream_has_one(
    catalog: dict[str, Any],
) -> None:
    assert sorted(catalog) == sorted(STREAMS)


def test_streams_that_cost_much_and_tell_little_are_off(catalog: dict[str, Any]) -> None:
    off = {name for name, entry in catalog.items() if root_of(entry)["selected"] is False}
    assert off == {name for name, listing in LISTINGS.items() if not listing.is_selected}
    assert {"campus_users", "campus_achievements"} == off


def test_streams_read_only_what_changed_where_the_api_says_what_did(
    catalog: dict[str, Any],
) -> None:
    keys = {name: entry.get("replication_key") for name, entry in catalog.items()}
    cursors = {name: one.cursor.column for name, one in LISTINGS.items() if one.cursor}
    assert {name: key for name, key in keys.items() if key} == cursors
    assert {"users", "projects_users", "achievements_users"} <= cursors.keys()


def test_streams_have_the_primary_keys_of_their_schemas(catalog: dict[str, Any]) -> None:
    keys = {name: entry["key_properties"] for name, entry in catalog.items()}
    assert keys.pop("campus_achievements") == ["campus_id", "achievement_id"]
    assert keys.pop("rejected_records") == ["rejection_id"]
    assert keys.pop("census") == ["stream", "cursus_id", "parent_id", "first_id"]
    assert keys.pop("sync_requests") == ["run_id", "stream", "route"]
    assert keys.pop("sync_runs") == ["run_id"]
    for stream in ("users", "projects", "projects_users"):
        assert keys.pop(stream) == ["id", "cursus_id"]
    assert set(map(tuple, keys.values())) == {("id",)}


def test_a_catalog_of_its_own_making_is_understood(tap: Tap, sandbox: RunningSandbox) -> None:
    run = tap.pointed_at(sandbox).run("blocs")
    assert {m["stream"] for m in run.messages if m["type"] == "RECORD"} == {"blocs"}


def test_a_catalog_may_leave_columns_out(
    tap: Tap, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    chosen = catalog_of(["users"])
    (entry,) = [entry for entry in chosen["streams"] if entry["stream"] == "users"]
    for item in entry["metadata"]:
        if item["breadcrumb"] == ["properties", "email"]:
            item["metadata"]["selected"] = False
    file = tmp_path / "catalog.json"
    file.write_text(json.dumps(chosen))
    run = tap.pointed_at(sandbox).call("--catalog", str(file))
    assert run.exit_code == 0, run.log
    assert run.records("users")
    assert all("email" not in row for row in run.records("users"))


def test_the_installed_command_tells_its_version() -> None:
    run = installed("--version")
    assert run.exit_code == 0
    assert version("tap-ft42") in run.output


def test_help_names_the_words_of_the_command_line(tap: Tap) -> None:
    run = tap.call("--help")
    assert run.exit_code == 0
    for word in ("--config", "--catalog", "--state", "--discover", "--test", "--about"):
        assert word in run.output


def test_about_tells_every_setting_and_which_are_secret(tap: Tap) -> None:
    run = tap.call("--about", "--format", "json")
    assert run.exit_code == 0
    about = json.loads(run.output)
    assert about["name"] == "tap-ft42"
    properties = about["settings"]["properties"]
    assert set(properties) >= SETTINGS
    assert {name for name in properties if properties[name].get("secret")} == {
        "client_id",
        "client_secret",
        "privacy_key",
        "quota_store",
    }
    assert set(about["settings"]["required"]) == {"client_id", "client_secret"}
    assert all(properties[name].get("description") for name in SETTINGS)


def test_about_is_a_page_of_markdown_as_well(tap: Tap) -> None:
    run = tap.call("--about", "--format", "markdown")
    assert run.exit_code == 0
    assert run.output.startswith("# `tap-ft42`")
    for name in SETTINGS:
        assert f"| {name} |" in run.output


def test_the_connection_can_be_tested(tap: Tap, sandbox: RunningSandbox) -> None:
    run = tap.pointed_at(sandbox).call("--test")
    assert run.exit_code == 0, run.log
    broken = tap.pointed_at(sandbox, client_secret="wrong").call("--test")
    assert broken.exit_code != 0
    assert "28 days" in broken.log
    assert "Traceback" not in broken.log


def _is_read_by_parent(stream: str) -> bool:
    return "x-partition" in json.loads((ROOT / f"schemas/{stream}.json").read_text())


@pytest.mark.few(1)
@pytest.mark.parametrize("scope", [{}, {"campus_ids": [29]}, {"cursus_ids": [9, 21]}])
def test_trying_out_reads_one_record_of_each_list_with_about_one_request(
    tap: Tap, sandbox: RunningSandbox, scope: dict[str, Any]
) -> None:
    run = tap.pointed_at(sandbox, **scope).call("--test")
    assert run.exit_code == 0, run.log
    asked = [entry for entry in sandbox.log() if entry["route"] != "token"]
    lists = set(STREAMS) - OF_ITS_OWN
    assert len(lists) <= len(asked) <= len(lists) * max(map(len, scope.values()), default=1)
    emitted = [m["stream"] for m in run.messages if m["type"] == "RECORD"]
    # A list below a parent may be empty.
    below = {"campus_achievements", *filter(_is_read_by_parent, lists)}
    assert lists - below <= set(emitted) <= lists | OF_ITS_OWN
    assert max(emitted.count(stream) for stream in lists) == 1


@pytest.mark.slow
def test_what_may_hold_a_password_is_a_secret_and_no_default_is_this_machine_s(
    tap: Tap,
) -> None:
    home = "/home/of-the-machine"
    for words in (["--format", "json"], ["--format", "markdown"]):
        run = installed("--about", *words, HOME=home, XDG_STATE_HOME=f"{home}/state")
        assert run.exit_code == 0, run.log
        assert home not in run.output
    settings = json.loads(tap.call("--about", "--format", "json").output)["settings"]
    secret = {name for name, told in settings["properties"].items() if told.get("secret")}
    assert secret == {"client_id", "client_secret", "privacy_key", "quota_store"}


def test_schemas_can_be_had_without_asking_the_api(tap: Tap, sandbox: RunningSandbox) -> None:
    run = tap.pointed_at(sandbox).call("--test", "schema")
    assert run.exit_code == 0, run.log
    told = {message["stream"] for message in run.messages if message["type"] == "SCHEMA"}
    off = {name for name, listing in LISTINGS.items() if not listing.is_selected}
    assert told >= set(STREAMS) - off
    assert sandbox.requests()["total"] == 0


@pytest.mark.slow
def test_a_stream_is_announced_once_however_many_parents_it_has(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    run = tap.pointed_at(sandbox).call()
    announced = [m["stream"] for m in run.messages if m["type"] == "SCHEMA"]
    assert {"projects_users", "coalitions_users"} <= set(announced)
    assert len(announced) == len(set(announced))
