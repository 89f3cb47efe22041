"""A setting that cannot be is refused by name, before anything is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tap.running import installed

if TYPE_CHECKING:
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Tap
    from tests.tap.scripted import ScriptedApi


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("client_id", None),
        ("client_id", ""),
        ("client_secret", None),
        ("client_secret", ""),
        ("page_size", 0),
        ("page_size", 101),
        ("page_size", "many"),
        ("api_url", "api.intra.42.fr"),
        ("api_url", "ftp://api.intra.42.fr"),
        ("api_url", "https://"),
        ("start_date", "yesterday"),
        ("start_date", "31/12/2025"),
        ("campus_ids", 1),
        ("campus_ids", "1,2"),
        ("campus_ids", ["Paris"]),
        ("campus_ids", [0]),
        ("cursus_id", 0),
        ("cursus_id", "42cursus"),
        ("requests_per_second", -1),
        ("requests_per_hour", "all"),
        ("settle_seconds", -1),
        ("overlap_seconds", "a bit"),
        ("user_agent", ""),
    ],
)
def test_a_setting_that_cannot_be_is_named(
    tap: Tap, api: ScriptedApi, name: str, value: object
) -> None:
    run = tap.pointed_at(api).fail("cursus", **{name: value})  # type: ignore[arg-type]
    assert run.exit_code == 1
    assert any(name in line for line in run.log.splitlines() if "| ERROR " in line)
    assert run.output == ""
    assert api.asked == []


def test_every_bad_setting_is_named_at_once(tap: Tap, api: ScriptedApi) -> None:
    run = tap.pointed_at(api).fail("cursus", client_id=None, page_size=0, api_url="42")
    errors = [line for line in run.log.splitlines() if "| ERROR " in line]
    for name in ("client_id", "page_size", "api_url"):
        assert any(name in line for line in errors), name


@pytest.mark.parametrize(
    "date", ["2026-01-31", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00.123+05:30"]
)
def test_a_start_date_is_any_iso_8601_date(
    tap: Tap, sandbox: RunningSandbox, date: str
) -> None:
    tap.pointed_at(sandbox, start_date=date).run("users")


def test_an_address_with_a_slash_at_its_end_is_the_same(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    run = tap.pointed_at(sandbox, api_url=f"{sandbox.url}/").run("blocs")
    assert len(run.records("blocs")) == len(sandbox.truth("blocs"))


def test_a_server_behind_a_path_is_reached(tap: Tap, api: ScriptedApi) -> None:
    api.script["/api/oauth/token"] = api.script.pop("/oauth/token")
    tap.pointed_at(api, api_url=f"{api.url}/api").fail("cursus")
    assert api.asked_for("/api/v2/cursus")


def test_settings_come_from_the_environment_as_well(sandbox: RunningSandbox) -> None:
    environment = {
        "TAP_FT42_API_URL": sandbox.url,
        "TAP_FT42_CLIENT_ID": sandbox.client_id,
        "TAP_FT42_CLIENT_SECRET": sandbox.client_secret,
        "TAP_FT42_CAMPUS_IDS": "[1, 29]",
        "TAP_FT42_REQUESTS_PER_SECOND": "0",
        "TAP_FT42_REQUESTS_PER_HOUR": "0",
    }
    run = installed("--config", "ENV", "--test", **environment)
    assert run.exit_code == 0, run.log
    bad = installed("--config", "ENV", "--test", **environment, TAP_FT42_PAGE_SIZE="0")
    assert bad.exit_code == 1
    assert "page_size" in bad.log


@pytest.mark.parametrize(
    ("variable", "value"), [("TAP_FT42_CURSUS_ID", "42cursus"), ("TAP_FT42_CAMPUS_IDS", "[1")]
)
def test_a_variable_that_cannot_be_read_is_named(variable: str, value: str) -> None:
    run = installed("--config", "ENV", **{variable: value})
    assert run.exit_code == 1
    assert variable in run.log
    assert "cannot be read" in run.log
    assert "Traceback" not in run.log


@pytest.mark.parametrize("option", ["--config", "--catalog", "--state"])
def test_a_file_that_is_no_json_ends_in_a_clear_line(
    tap: Tap, sandbox: RunningSandbox, tmp_path: Path, option: str
) -> None:
    cut = tmp_path / "cut.json"
    cut.write_text('{"client_id": "u-s4t2ud')
    run = tap.pointed_at(sandbox).call(option, str(cut))
    assert run.exit_code == 1
    assert "cannot be read" in run.log
    assert "Traceback" not in run.log
    assert "u-s4t2ud" not in run.log


def test_a_file_of_settings_that_is_not_there_is_named(tap: Tap) -> None:
    run = tap.call("--config", "nowhere.json")
    assert run.exit_code == 1
    assert "nowhere.json" in run.log
    assert "Traceback" not in run.log
