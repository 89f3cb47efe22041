"""A setting that cannot be is refused by name, before anything is asked."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.tap.running import INSTALLED, TIMEOUT, Run, catalog_of, installed

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
        ("api_url", "http://api.intra.42.fr"),
        ("api_url", "http://127.0.0.1.example.org"),
        ("api_url", "http://example.org\\@127.0.0.1"),
        ("api_url", "https://[::1"),
        ("api_url", "https://api.intra.42.fr:99999"),
        ("quota_store", "mysql://localhost/quota"),
        ("quota_store", "postgresql:/localhost@quota"),
        ("start_date", "yesterday"),
        ("start_date", "31/12/2025"),
        ("start_date", "2026-02-30"),
        ("start_date", "2062-01-31"),
        ("campus_ids", "1;2"),
        ("campus_ids", ["Paris"]),
        ("campus_ids", [0]),
        ("cursus_id", 0),
        ("cursus_id", "42cursus"),
        ("requests_per_second", -1),
        ("requests_per_hour", "all"),
        ("settle_seconds", -1),
        ("overlap_seconds", "a bit"),
        ("user_agent", "école\n42"),
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


@pytest.mark.few(1)
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
    ("setting", "value", "form"),
    [
        ("cursus_id", "42cursus", "a whole number of 1 or more"),
        ("campus_ids", "[1", "a list of whole numbers, such as [1, 9]"),
        ("campus_ids", "Paris", "a list of whole numbers, such as [1, 9]"),
        ("page_size", "1e400", "a whole number from 1 to 100"),
        ("refresh_hours", "12", 'a JSON object such as {"'),
        ("flattening_enabled", "perhaps", "true or false"),
        ("start_date", "31/12/2025", "2026-01-31"),
        ("user_agent", "caf\xe9", "ecole-42/1.0"),
    ],
)
def test_a_variable_in_a_wrong_form_is_named_with_what_to_write(
    tap: Tap, sandbox: RunningSandbox, setting: str, value: str, form: str
) -> None:
    variable = f"TAP_FT42_{setting.upper()}"
    run = tap.within(**(in_variables(sandbox) | {variable: value})).call("--config", "ENV")
    assert run.exit_code == 1
    assert f"{setting} ({variable}) must be" in run.log
    assert form in run.log
    assert "Traceback" not in run.log


@pytest.mark.few(2)
@pytest.mark.parametrize(
    ("written", "meant"),
    [("29", [29]), (" [29] ", [29]), (29, [29]), ("1, 29", [1, 29]), ([29, 1], [1, 29])],
)
def test_a_list_may_be_written_as_people_write_lists(
    tap: Tap, sandbox: RunningSandbox, written: object, meant: list[int]
) -> None:
    run = tap.pointed_at(sandbox, campus_ids=written).run("cursus", "sync_runs")
    assert [row["campus_ids"] for row in run.records("sync_runs")] == [meant]


def test_a_number_in_text_is_a_number(tap: Tap, sandbox: RunningSandbox) -> None:
    run = tap.pointed_at(sandbox, page_size="7", max_minutes=" 5").run("sync_runs")
    (row,) = run.records("sync_runs")
    assert (row["page_size"], row["max_minutes"]) == (7, 5)


def in_variables(sandbox: RunningSandbox) -> dict[str, str]:
    """What a run needs, in variables."""
    settings = {
        "API_URL": sandbox.url,
        "CLIENT_ID": sandbox.client_id,
        "CLIENT_SECRET": sandbox.client_secret,
        "REQUESTS_PER_SECOND": "0",
        "REQUESTS_PER_HOUR": "0",
    }
    return {f"TAP_FT42_{name}": value for name, value in settings.items()}


def test_a_setting_that_is_empty_is_not_set(tap: Tap, sandbox: RunningSandbox) -> None:
    about = json.loads(tap.call("--about", "--format", "json").output)
    empty = {f"TAP_FT42_{name.upper()}": "" for name in about["settings"]["properties"]}
    assert len(empty) > 20
    here = tap.within(**(empty | in_variables(sandbox)))
    catalog = tap.folder / "two.json"
    catalog.write_text(json.dumps(catalog_of(["cursus", "sync_runs"])))
    run = here.call("--config", "ENV", "--catalog", str(catalog))
    assert run.exit_code == 0, run.log
    (row,) = run.records("sync_runs")
    assert (row["page_size"], row["campus_ids"], row["cursus_ids"]) == (100, None, [21])
    required = here.within(TAP_FT42_CLIENT_SECRET=" ").call("--config", "ENV")
    assert required.exit_code == 1
    assert "client_secret (TAP_FT42_CLIENT_SECRET) is missing" in required.log


@pytest.mark.few(1)
@pytest.mark.parametrize("folder", [".", "below/it"])
def test_a_variable_wins_over_the_same_one_in_a_file(
    sandbox: RunningSandbox, tmp_path: Path, folder: str
) -> None:
    (tmp_path / "below/it").mkdir(parents=True)
    (tmp_path / ".env").write_text("TAP_FT42_PAGE_SIZE=7\nTAP_FT42_CURSUS_ID=9\n")
    catalog = tmp_path / "catalog.json"
    catalog.write_text(json.dumps(catalog_of(["sync_runs"])))
    done = subprocess.run(
        [INSTALLED, "--config", "ENV", "--catalog", catalog],
        capture_output=True,
        check=True,
        cwd=tmp_path / folder,
        env=in_variables(sandbox) | {"HOME": str(tmp_path), "TAP_FT42_PAGE_SIZE": "8"},
        text=True,
        timeout=TIMEOUT,
    )
    (row,) = Run(done.returncode, done.stdout, done.stderr).records("sync_runs")
    assert (row["page_size"], row["cursus_ids"]) == (8, [9])


@pytest.mark.few(4)
@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("client_secret", 987654321987),
        ("client_secret", ["987654321987"]),
        ("client_id", 987654321987),
        ("api_url", "http://somebody:987654321987@api.intra.42.fr"),
        ("api_url", "https://somebody:987654321987@[api"),
        ("api_url", "https//somebody:987654321987@api.intra.42.fr"),
        ("quota_store", "postgresql://somebody:987654321987@[server/quota"),
        ("quota_store", "postgresql:/somebody:987654321987@server/quota"),
        ("quota_store", "host=server password=987654321987"),
        ("quota_store", "postgresql://somebody:987654321987@127.0.0.1:9/quota"),
        ("quota_store", "redis://:987654321987@127.0.0.1:no/0"),
        ("campus_ids", "987654321987;"),
        ("page_size", 987654321987),
        ("start_date", "987654321987"),
    ],
)
def test_a_value_that_is_refused_is_not_shown(
    tap: Tap, api: ScriptedApi, setting: str, value: object
) -> None:
    run = tap.pointed_at(api, requests_per_hour=1200, **{setting: value}).fail("cursus")
    assert setting in run.log
    assert "987654321987" not in run.log
    assert "Traceback" not in run.log
    assert api.asked == []


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


@pytest.mark.parametrize(
    ("option", "held", "place"),
    [
        ("--config", ["client_id"], "it has"),
        ("--catalog", ["users"], "it has"),
        ("--catalog", {"streams": ["users"]}, "`streams.0` in it"),
        ("--catalog", {"streams": [{"stream": "users"}]}, "`streams.0` in it"),
        ("--state", ["users"], "it has"),
        ("--state", {"bookmarks": 3}, "`bookmarks` in it"),
        ("--state", {"bookmarks": {"users": 3}}, "`bookmarks.users` in it"),
        ("--state", {"singer_state": {"bookmarks": 3}}, "`singer_state.bookmarks` in it"),
        ("--state", {"bookmarks": {"users": {"served_at": 3}}}, "`bookmarks.users.served_at`"),
        (
            "--state",
            {"bookmarks": {"users": {"partitions": [{"from_scratch": "2026"}]}}},
            "`bookmarks.users.partitions.0.from_scratch`",
        ),
    ],
)
def test_a_file_of_another_form_ends_in_a_clear_line(
    tap: Tap, api: ScriptedApi, option: str, held: object, place: str
) -> None:
    file = tap.folder / "other.json"
    file.write_text(json.dumps(held))
    run = tap.pointed_at(api).call(option, str(file))
    assert run.exit_code == 1
    form = option.removeprefix("--")
    assert f"other.json: {place}" in run.last_word
    assert f"not the form of a {form}. Give another file" in run.last_word
    assert "Traceback" not in run.log
    assert api.asked == []


def test_a_setting_that_there_is_not_is_named(tap: Tap, sandbox: RunningSandbox) -> None:
    run = tap.pointed_at(sandbox, campus_id=987654321987).run("blocs")
    (warning,) = [line for line in run.warnings if "no such setting" in line]
    assert "campus_id:" in warning
    assert "987654321987" not in run.log


@pytest.mark.parametrize("setting", ["campus_ids", "cursus_ids"])
def test_a_plan_names_ids_that_42_does_not_have(
    tap: Tap, sandbox: RunningSandbox, setting: str
) -> None:
    run = tap.pointed_at(sandbox, **{setting: [99999]}).call("plan")
    assert run.exit_code == 1
    assert f"{setting}: 42 lists none with the id 99999" in run.last_word


def test_a_report_that_cannot_be_written_is_refused_before_anything_is_asked(
    tap: Tap, api: ScriptedApi
) -> None:
    run = tap.pointed_at(api).call("doctor", "--report", "/dev/null/here/report.json")
    assert run.exit_code == 2
    assert "/dev/null/here. Choose another one" in run.log
    assert api.asked == []


def test_a_file_of_settings_that_is_not_there_is_named(tap: Tap) -> None:
    run = tap.call("--config", "nowhere.json")
    assert run.exit_code == 1
    assert "nowhere.json" in run.log
    assert "Traceback" not in run.log
