"""The control plane: shut without its token, exact with it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from ft42_sandbox.latency import Latency
from ft42_sandbox.settings import Behaviour
from ft42_sandbox.testing import ControlError

from tests.sandboxes import running_sandbox
from tests.waiting import until

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

GUARDED = (
    ("POST", "requests/reset"),
    ("GET", "truth/users"),
    ("GET", "truth?path=/v2/users"),
    ("GET", "changes"),
    ("GET", "log"),
    ("POST", "live"),
    ("POST", "clock"),
    ("GET", "settings"),
    ("POST", "settings"),
    ("POST", "faults"),
    ("DELETE", "faults"),
    ("POST", "rows/users"),
    ("POST", "tokens/expire"),
    ("POST", "secret"),
    ("POST", "applications"),
    ("POST", "quota"),
)


@pytest.mark.parametrize(("method", "path"), GUARDED)
@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}])
def test_the_control_plane_is_shut_to_others(
    sandbox: RunningSandbox, method: str, path: str, header: dict[str, str]
) -> None:
    reply = sandbox.send(method, f"/_sandbox/{path}", header, body=b"{}")
    assert reply.status == 403
    assert reply.json() == {"error": "the control token is wrong or missing"}


def test_without_a_token_of_its_own_the_control_plane_stays_shut() -> None:
    with running_sandbox(users=50, enrolments=0, control_token_env="NO_SUCH") as sandbox:
        with pytest.raises(ControlError, match="started without a control token"):
            sandbox.control("GET", "settings")
        assert sandbox.requests()["total"] == 0


def test_requests_are_counted_by_route_and_status(sandbox: RunningSandbox) -> None:
    sandbox.token()
    sandbox.reset_requests()
    sandbox.get("/v2/cursus/21/users")
    sandbox.get("/v2/cursus/42cursus/users?page[size]=5")
    sandbox.get("/v2/users/nobody")
    sandbox.get("/v2/cursus", method="HEAD")
    sandbox.get("/v2/no/such/thing")
    told = sandbox.requests()
    assert told["total"] == 5
    assert told["token"] == 0
    users = told["routes"]["GET /v2/cursus/:id/users"]
    assert (users["count"], users["statuses"]) == (2, {"200": 2})
    assert users["seconds"] > 0
    assert told["routes"]["GET /v2/users/:id"]["statuses"] == {"404": 1}
    assert told["routes"]["HEAD /v2/cursus"]["count"] == 1
    assert told["routes"]["GET other"]["count"] == 1


def test_what_is_being_answered_at_a_reset_is_not_counted(sandbox: RunningSandbox) -> None:
    sandbox.token()
    sandbox.fault("drip", route="/v2/cursus", seconds=1)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(sandbox.get, "/v2/cursus")
        until(lambda: sandbox.control("GET", "faults")[0]["struck"])
        sandbox.reset_requests()
        assert answer.result().status == 200
    assert sandbox.requests()["total"] == 0
    assert sandbox.log() == []


def test_single_requests_are_logged_with_who_asked_and_when(sandbox: RunningSandbox) -> None:
    sandbox.control("POST", "applications", {"client_id": "two", "client_secret": "s"})
    form = {"grant_type": "client_credentials", "client_id": "two", "client_secret": "s"}
    other = sandbox.send("POST", "/oauth/token", form=form).json()["access_token"]
    sandbox.token()
    sandbox.reset_requests()
    before = time.time()
    sandbox.get("/v2/cursus/21/users?page[size]=3&page[number]=2")
    sandbox.get("/v2/users?sort=nothing", Authorization=f"Bearer {other}")
    sandbox.send("GET", f"/v2/campus?access_token={other}")
    sandbox.get("/v2/cursus", Authorization="Bearer nobody's")
    told = sandbox.log()
    assert [asked["seq"] for asked in told] == [1, 2, 3, 4]
    assert [asked["client_id"] for asked in told] == ["sandbox", "two", "two", ""]
    assert [asked["status"] for asked in told] == [200, 400, 200, 401]
    assert [asked["token"] for asked in told[:2]] == [sandbox.token()[:8], other[:8]]
    assert told[0]["route"] == "GET /v2/cursus/:id/users"
    assert told[0]["target"] == "/v2/cursus/21/users?page[size]=3&page[number]=2"
    assert told[2]["target"] == "/v2/campus"
    assert before <= told[0]["at"] <= told[1]["at"] <= time.time()
    assert sandbox.log(after=3) == told[3:]


def test_truth_of_some_columns_says_what_the_whole_rows_say(sandbox: RunningSandbox) -> None:
    names = ("id", "final_mark", "status", "marked_at", "updated_at")
    whole = [{name: row[name] for name in names} for row in sandbox.truth("projects_users")]
    assert sandbox.truth("projects_users", columns=",".join(names)) == whole
    path = "/v2/projects_users?filter[status]=finished&sort=-id"
    ids = sandbox.truth_of(path, columns="id")
    assert ids == [{"id": row["id"]} for row in whole[::-1] if row["status"] == "finished"]
    assert sandbox.truth("projects", columns="id,campus_ids")[0].keys() == {"id", "campus_ids"}
    with pytest.raises(ControlError, match="projects has no column colour; it has: id, name"):
        sandbox.truth("projects", columns="id,colour")


def test_a_row_is_inserted_changed_silently_and_deleted(mutable: RunningSandbox) -> None:
    users = mutable.truth("users")
    number = mutable.insert(
        "achievements_users",
        achievement_id=1,
        user_id=users[0]["id"],
        created_at="2026-10-30T10:00:00.000Z",
    )
    path = f"/v2/achievements_users/{number}"
    made = mutable.get(path).json()
    assert made["created_at"] == "2026-10-30T10:00:00.000Z"
    assert made["login"] == users[0]["login"]
    mutable.update("achievements_users", number, nbr_of_success=3, silent=True)
    silent = mutable.get(path).json()
    assert silent == {**made, "nbr_of_success": 3}
    mutable.update("achievements_users", number, nbr_of_success=4)
    assert mutable.get(path).json()["updated_at"] > silent["updated_at"]
    mutable.delete("achievements_users", number)
    assert mutable.get(path).status == 404
    told = mutable.control("GET", "changes")[-4:]
    assert [c["op"] for c in told] == ["insert", "update", "update", "delete"]


def test_several_rows_are_changed_alike_and_deleted(mutable: RunningSandbox) -> None:
    user = mutable.truth("users")[0]["id"]
    made = [
        mutable.insert("achievements_users", achievement_id=1, user_id=user) for _ in range(3)
    ]
    mutable.update("achievements_users", made[:2], nbr_of_success=7)
    rows = {row["id"]: row["nbr_of_success"] for row in mutable.truth("achievements_users")}
    assert [rows[number] == 7 for number in made] == [True, True, False]
    mutable.delete("achievements_users", made)
    assert not {row["id"] for row in mutable.truth("achievements_users")} & set(made)
    with pytest.raises(ControlError, match=f"achievements_users has no row {made[0]}"):
        mutable.update("achievements_users", made, nbr_of_success=8)


def test_a_changed_user_is_seen_wherever_it_is_embedded(mutable: RunningSandbox) -> None:
    enrolment = mutable.get("/v2/projects_users?sort=-id").json()[0]
    user = enrolment["user"]["id"]
    mutable.update("users", user, wallet=123_456, silent=True)
    again = mutable.get(f"/v2/projects_users/{enrolment['id']}").json()
    assert again["user"]["wallet"] == 123_456
    assert mutable.get(f"/v2/users/{user}").json()["wallet"] == 123_456


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("rows/nothing", {"op": "insert"}, "there is no table nothing"),
        ("rows/users", {"op": "update", "id": 1}, "users has no row 1"),
        ("rows/users", {"op": "insert", "values": {"colour": 1}}, "users has no column colour"),
        ("settings", {"speed": 1}, "there is no setting speed"),
        ("settings", {"latency": "slow"}, "latency must be one of"),
        ("settings", {"requests_per_second": "2"}, "must be int, not str"),
        ("settings", {"requests_per_hour": -1}, "must not be negative"),
        ("clock", {"set": "yesterday"}, "isoformat"),
        ("live", {"seconds": -1}, "must not be negative"),
        ("live", {"events": {"party": 1}}, "names are: visit"),
        ("settings", {"life_events_per_request": {"mark": -1}}, "from 0 up"),
        ("secret", {}, "secret is missing"),
    ],
)
def test_a_control_request_that_cannot_be_done_says_why(
    sandbox: RunningSandbox, path: str, body: dict[str, object], reason: str
) -> None:
    with pytest.raises(ControlError, match=reason):
        sandbox.control("POST", path, body)


def test_the_truth_of_a_refused_query_says_why(sandbox: RunningSandbox) -> None:
    with pytest.raises(ControlError, match="Attributes nonsense doesn't exists"):
        sandbox.truth_of("/v2/users?filter[nonsense]=1")


def test_the_truth_of_a_list_is_the_list_without_pages(sandbox: RunningSandbox) -> None:
    path = "/v2/cursus/42cursus/users?filter[kind]=student&filter[alumni?]=false"
    whole = sandbox.truth_of(path)
    pages = [
        row
        for page in range(1, len(whole) // 100 + 2)
        for row in sandbox.get(f"{path}&page[size]=100&page[number]={page}").json()
    ]
    assert pages == whole
    with pytest.raises(ControlError, match="there is no list /v2/nothing"):
        sandbox.truth_of("/v2/nothing")


def test_the_status_page_shows_routes_settings_requests_and_refusals(
    sandbox: RunningSandbox,
) -> None:
    sandbox.fault("502", route="/v2/blocs")
    sandbox.get("/v2/blocs")
    sandbox.get("/v2/users?filter[<script>]=1")
    page = sandbox.send("GET", "/")
    text = page.body.decode()
    assert page.headers["Content-Type"].startswith("text/html")
    for shown in ("GET /v2/blocs", "Bad Gateway", "/v2/cursus/:id/users", "latency_factor"):
        assert shown in text
    assert "<script>" not in text
    assert sandbox.token() not in text
    assert sandbox.control_token not in text


@pytest.mark.parametrize(
    ("profile", "median", "ninth_decile", "longest"),
    [("users", 2.8, 4.3, 6.6), ("coalitions", 12, 25, 37), ("campus", 0.38, 0.6, 1.2)],
)
def test_latency_is_distributed_as_it_was_measured(
    profile: str, median: float, ninth_decile: float, longest: float
) -> None:
    latency = Latency(Behaviour(latency="real"), seed=1)
    drawn = sorted(latency.seconds(profile) for _ in range(5_000))
    assert drawn[2_500] == pytest.approx(median, rel=0.05)
    assert drawn[4_500] == pytest.approx(ninth_decile, rel=0.08)
    assert drawn[-1] == longest
    faster = Latency(Behaviour(latency="real", latency_factor=0.01), seed=1)
    assert faster.seconds(profile) == pytest.approx(
        Latency(Behaviour(latency="real"), seed=1).seconds(profile) / 100
    )


def test_answers_take_the_time_of_the_real_ones_if_asked(sandbox: RunningSandbox) -> None:
    sandbox.configure(latency="real", latency_factor=0.02)
    sandbox.get("/v2/cursus")
    sandbox.reset_requests()
    reply = sandbox.get("/v2/coalitions?page[size]=100")
    # The least a page of coalitions was seen to take is far above what it costs here.
    assert float(reply.headers["X-Runtime"]) >= 6 * 0.02
    sandbox.configure(latency="none")
    assert sandbox.requests()["routes"]["GET /v2/coalitions"]["seconds"] >= 6 * 0.02
