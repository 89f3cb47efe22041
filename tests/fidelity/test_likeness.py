"""`serve --as` behaves like the API that a report of `tap-ft42 doctor` is about."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.fidelity.commands import command
from tests.sandboxes import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

DAY = 24 * 3600
NAMES = "/v2/cursus/21/projects"
PEOPLE, BADGES, POINTS = "/v2/cursus/21/users", "/v2/achievements_users", "/v2/coalitions_users"
ROUTES: dict[str, Any] = {
    "/v2/campus_users": {"status": 403},
    "/v2/achievements": {"status": 404},
    "/v2/cursus": {"status": 502},
    "/v2/cursus/{cursus_id}/users": {
        "status": 200,
        "differs": {
            "page_size": 20,
            "totals": "none",
            "refused": ["sort=login", "range[id]"],
            "ignored": ["filter[alumni?]", "sort=updated_at"],
        },
    },
    "/v2/projects_users": {
        "status": 200,
        "differs": {
            "page_size": 50,
            "beyond_page": 504,
            "longest_list": 2,
            "beyond_list": 502,
            "total_at_most": 100,
            "sorts_by_several": False,
        },
    },
    "/v2/achievements_users": {
        "status": 200,
        "differs": {
            "bounds": "none",
            "widest_range": 5_000_000,
            "longest_list": 1,
            "totals": "wrong",
        },
    },
    "/v2/coalitions_users": {"status": 200, "differs": {"is_paged": False}},
    "/v2/coalitions": {
        "status": 200,
        "differs": {"numbers_pages": False},
    },
    "/v2/cursus/{cursus_id}/projects": {
        "status": 200,
        "differs": {"widest_range": 50, "cuts_ranges": True},
    },
    "/v2/campus": {"status": 200, "differs": {"most_pages": 2}},
    "/v2/blocs": {"status": 200, "differs": {"most_pages": 2, "beyond_pages": 400}},
}
REPORT: dict[str, Any] = {
    "format": 1,
    "application": {
        "roles": "Official App",
        "requests_per_second": 8,
        "requests_per_hour": 3600,
        "secret_days": 5,
    },
    "clock": {"seconds_ahead": -100},
    "routes": ROUTES,
}


@pytest.fixture(scope="module")
def alike(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    file = tmp_path_factory.mktemp("reports") / "report.json"
    file.write_text(json.dumps(REPORT))
    with running_sandbox(users=200, enrolments=2_000, seed=8, **{"as": str(file)}) as running:
        yield running


def test_what_the_application_may_not_read_is_refused_and_what_is_down_is_down(
    alike: RunningSandbox,
) -> None:
    assert alike.get("/v2/campus_users").json()["error"] == "Access Denied"
    assert alike.get("/v2/achievements").status == 404
    down = alike.get("/v2/cursus")
    assert (down.status, b"502 Bad Gateway" in down.body) == (502, True)


def test_pages_are_cut_though_the_headers_repeat_what_was_asked_for(
    alike: RunningSandbox,
) -> None:
    first, second = (alike.get(f"{PEOPLE}?page[size]=100&page[number]={n}") for n in (1, 2))
    assert len(first.ids) == len(second.ids) == 20
    assert not set(first.ids) & set(second.ids)
    assert first.headers["X-Per-Page"] == "100"
    assert "X-Total" not in first.headers


def test_what_takes_too_long_fails_and_less_of_it_does_not(alike: RunningSandbox) -> None:
    assert alike.get("/v2/projects_users?page[size]=51").status == 504
    assert len(alike.get("/v2/projects_users?page[size]=50").ids) == 50
    assert alike.get("/v2/projects_users?filter[campus]=1,9,12").status == 502
    assert alike.get("/v2/projects_users?filter[campus]=1,9").status == 200


def test_parameters_are_refused_or_do_nothing(alike: RunningSandbox) -> None:
    assert alike.get(f"{PEOPLE}?sort=-login").json()["error"] == "Sort Error"
    assert alike.get(f"{PEOPLE}?range[id]=1,9").json()["error"] == "Range Error"
    everybody = alike.get(PEOPLE).ids
    assert alike.get(f"{PEOPLE}?filter[alumni?]=true&sort=updated_at").ids == everybody
    assert alike.get(f"{PEOPLE}?sort=id").ids != everybody
    by_two = alike.get("/v2/projects_users?sort=user_id,id").ids
    assert by_two == alike.get("/v2/projects_users?sort=user_id").ids


def test_totals_are_cut_or_wrong(alike: RunningSandbox) -> None:
    assert alike.get("/v2/projects_users").total == 100
    assert alike.get("/v2/projects_users?page[number]=40&page[size]=50").ids
    badges = alike.truth_of(BADGES, columns="id")
    assert alike.get(BADGES).total == len(badges) + 1


def test_bounds_of_ranges_are_left_out_and_too_wide_ones_refused(
    alike: RunningSandbox,
) -> None:
    rows = sorted(alike.get(f"{BADGES}?sort=id").json(), key=lambda row: row["id"])
    low, high = rows[0]["id"], rows[2]["id"]
    inside = alike.get(f"{BADGES}?range[id]={low},{high}").ids
    assert not {low, high} & set(inside)
    assert rows[1]["id"] in inside
    assert alike.get(f"{BADGES}?range[id]=1,5000002").status == 400
    at = rows[0]["updated_at"]
    assert alike.get(f"{BADGES}?range[updated_at]={at},{at}").ids == []


def test_a_list_that_stops_at_its_first_id(alike: RunningSandbox) -> None:
    one, two = (row["user_id"] for row in alike.get(BADGES).json()[::29])
    both = alike.get(f"{BADGES}?filter[user_id]={one},{two}").ids
    assert both == alike.get(f"{BADGES}?filter[user_id]={one}").ids != []


def test_a_list_without_pages_and_other_routes_of_its_rows(alike: RunningSandbox) -> None:
    points = alike.truth_of(POINTS, columns="id")
    first, second = (alike.get(f"{POINTS}?page[size]=2&page[number]={n}") for n in (1, 2))
    assert len(first.ids) == len(points)
    assert first.ids == second.ids
    assert first.headers["X-Page"] is None
    houses = Counter(row["coalition_id"] for row in first.json())
    ((coalition, members),) = houses.most_common(1)
    below = alike.get(f"/v2/coalitions/{coalition}/coalitions_users?page[size]=1")
    assert len(below.ids) == members > 1


def test_a_list_that_shows_its_first_page_only(alike: RunningSandbox) -> None:
    first, second = (alike.get(f"/v2/coalitions?page[size]=5&page[number]={n}") for n in (1, 2))
    assert first.ids == second.ids
    assert first.total == second.total > len(first.ids)


@pytest.mark.parametrize(("route", "status"), [("/v2/campus", 200), ("/v2/blocs", 400)])
def test_a_list_that_shows_its_first_pages_only(
    alike: RunningSandbox, route: str, status: int
) -> None:
    second, third = (alike.get(f"{route}?page[size]=2&page[number]={n}") for n in (2, 3))
    assert len(second.ids) == 2
    assert second.total > 4
    assert third.status == status
    if status == 200:
        assert (third.ids, third.total) == ([], second.total)


def test_ranges_that_are_cut_in_silence(alike: RunningSandbox) -> None:
    ids = sorted(row["id"] for row in alike.truth_of(NAMES, columns="id"))
    cut = [one for one in ids if one <= ids[0] + 50]
    shown = alike.get(f"{NAMES}?range[id]={ids[0]},{ids[-1]}&page[size]=100").ids
    assert sorted(shown) == cut != ids


def test_the_application_and_the_clock_are_those_of_the_report(
    alike: RunningSandbox,
) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_id": alike.client_id,
        "client_secret": alike.client_secret,
    }
    granted = alike.send("POST", "/oauth/token", form=form).json()
    days = (granted["secret_valid_until"] - granted["created_at"]) / DAY
    assert days == pytest.approx(5, abs=0.1)
    headers = alike.get(PEOPLE).headers
    assert headers["X-Application-Roles"] == "Official App"
    # The limits that somebody asks for win.
    assert headers["X-Hourly-RateLimit-Limit"] != "3600"
    assert alike.control("GET", "clock")["offset_seconds"] == pytest.approx(100, abs=5)


@pytest.mark.slow
def test_limits_that_nobody_gave_are_those_of_the_report(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text(json.dumps(REPORT))
    words = ("start", "--users", "50", "--enrolments", "100", "--port", "0", "--as", str(file))
    run_dir = str(tmp_path / "run")
    try:
        done = command(*words, "--run-dir", run_dir, FT42_SANDBOX_CONTROL_TOKEN="sesame")
        assert done.returncode == 0, done.stderr
        url = done.stdout.rsplit(maxsplit=1)[-1]
        request = urllib.request.Request(  # noqa: S310 - our own address
            f"{url}/_sandbox/settings", headers={"Authorization": "Bearer sesame"}
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - our own address
            settings = json.load(answer)
        assert (settings["requests_per_second"], settings["requests_per_hour"]) == (8, 3600)
    finally:
        command("stop", "--run-dir", run_dir)


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "is no report of `tap-ft42 doctor`"),
        ("{", "is no report of `tap-ft42 doctor`"),
        ('{"format": 2, "routes": {}}', "is a report of another version"),
        (
            '{"format": 1, "routes": {"/v2/x": {"differs": {"mood": 1}}}}',
            "nothing is known of mood",
        ),
    ],
)
def test_a_file_that_is_no_report_is_one_clear_line(
    tmp_path: Path, text: str, reason: str
) -> None:
    file = tmp_path / "report.json"
    file.write_text(text)
    done = command("serve", "--port", "0", "--as", str(file))
    assert done.returncode == 1
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1
