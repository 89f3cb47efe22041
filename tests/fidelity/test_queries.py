"""Filters, ranges and sorts: what is allowed where, what it finds, what is refused how."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

REFUSED = (
    ("/v2/projects_users?filter[campus_id]=1", "Filter Error"),
    ("/v2/projects_users?filter[cursus_id]=21", "Filter Error"),
    ("/v2/projects_users?filter[nonsense]=", "Filter Error"),
    ("/v2/cursus_users?filter[kind]=student", "Filter Error"),
    ("/v2/cursus_users?filter[active]=maybe", "Filter Error"),
    ("/v2/projects_users?filter[campus]=1,99999", "Filter Error"),
    ("/v2/projects_users?filter[cursus]=42cursus", "Filter Error"),
    ("/v2/campus?filter[users_count]=1", "Filter Error"),
    ("/v2/users?sort=-wallet", "Sort Error"),
    ("/v2/achievements?filter[campus_id]=29&filter[cursus_id]=21", "Filter Error"),
    ("/v2/coalitions_users?sort=-score", "Sort Error"),
    ("/v2/coalitions?sort=score", "Sort Error"),
    ("/v2/cursus_users?sort=grade", "Sort Error"),
    ("/v2/users?range[updated_at]=2026-01-01", "Range Error"),
    ("/v2/users?range[updated_at]=2026-01-01,2026-01-02,2026-01-03", "Range Error"),
    ("/v2/users?range[wallet]=1,2", "Range Error"),
    ("/v2/users?range[id]=", "Range Error"),
)
ACCEPTED = (
    (
        "/cursus/21/cursus_users?filter[campus_id]=29&filter[has_coalition]=true&filter[end]=false"
        "&sort=created_at"
    ),
    (
        "/projects/1314/projects_users?filter[campus]=1,9,12"
        "&range[updated_at]=2020-01-01T00:00:00.000Z,2026-12-01T00:00:00.000Z"
    ),
    (
        "/campus/1/users?filter[primary_campus_id]=1"
        "&range[updated_at]=2020-01-01T00:00:00Z,2026-12-01T00:00:00Z"
    ),
    (
        "/coalitions_users?filter[coalition_id]=5,6,7&sort=created_at"
        "&range[created_at]=2015-01-01T00:00:00Z,2027-01-01T00:00:00Z"
    ),
    "/coalitions_users?range[this_year_score]=1,999999999&sort=-this_year_score",
    "/campus_users?filter[is_primary]=false&filter[campus_id]=29",
    "/users?range[id]=10000,20000",
    "/projects_users?filter[marked]=true&filter[retriable]=false&sort=-marked_at",
    "/cursus_users?filter[active]=true&filter[future]=false&filter[blackholed]=true",
    "/blocs?filter[campus_id]=1&filter[cursus_id]=21",
    (
        "/users?filter[kind]=student&filter[alumni?]=false&filter[staff?]=false"
        "&range[updated_at]=2020-01-01,now"
    ),
    "/campus?filter[active]=true&filter[country]=France&sort=name",
    "/campus?filter[main_email]=x&sort=open_to_job_offers,-display_name",
)
DEFAULT_ORDERS = {
    "/v2/cursus": ("id", True),
    "/v2/campus": ("id", True),
    "/v2/users": ("id", True),
    "/v2/achievements_users": ("id", True),
    "/v2/achievements": ("id", False),
    "/v2/cursus_users": ("created_at", True),
    "/v2/coalitions_users": ("created_at", True),
    "/v2/campus_users": ("created_at", True),
    "/v2/blocs": ("created_at", True),
    "/v2/projects_users": ("updated_at", True),
}


@pytest.mark.parametrize(("path", "error"), REFUSED)
def test_what_a_route_does_not_allow_is_refused_with_400(
    sandbox: RunningSandbox, path: str, error: str
) -> None:
    reply = sandbox.get(path)
    assert reply.status == 400
    assert list(reply.json()) == ["error", "message"]
    assert reply.json()["error"] == error


def test_a_refused_filter_names_itself_and_the_allowed_ones(sandbox: RunningSandbox) -> None:
    message = sandbox.get("/v2/campus_users?filter[kind]=a").json()["message"]
    assert message.startswith("Attributes kind doesn't exists or aren't filterables.")
    assert message.endswith(
        "Available filters are: id, user_id, campus_id, is_primary, created_at, and updated_at"
    )


def test_a_refused_sort_names_the_field(sandbox: RunningSandbox) -> None:
    message = sandbox.get("/v2/coalitions_users?sort=-score").json()["message"]
    assert message == "The score field is not sortable"


@pytest.mark.parametrize("path", ACCEPTED)
def test_the_queries_of_pipelines_in_production_are_accepted(
    sandbox: RunningSandbox, path: str
) -> None:
    assert sandbox.get("/v2" + path).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/v2/coalitions?filter[campus_id]=67",
        "/v2/coalitions?range[updated_at]=1,2",
        "/v2/blocs?range[updated_at]=2030-01-01,2031-01-01",
        "/v2/users?unknown=1&filter=2",
    ],
)
def test_a_kind_of_parameter_that_a_route_does_not_declare_is_ignored(
    sandbox: RunningSandbox, path: str
) -> None:
    assert sandbox.get(path).total == sandbox.get(path.partition("?")[0]).total


def test_enrolments_without_teams_and_lists_without_rows_are_lists(
    sandbox: RunningSandbox,
) -> None:
    alone = sandbox.get("/v2/projects_users?filter[status]=parent,waiting_to_start").json()
    assert alone
    assert all(row["teams"] == [] for row in alone)
    for table in ("users", "projects_users", "cursus_users", "achievements_users"):
        assert sandbox.get(f"/v2/{table}?range[id]=0,0").body == b"[]"


def test_an_empty_filter_finds_everything(sandbox: RunningSandbox) -> None:
    assert sandbox.get("/v2/coalitions_users?filter[user_id]=").total == len(
        sandbox.truth("coalitions_users")
    )


def test_a_list_of_values_means_any_of_them(sandbox: RunningSandbox) -> None:
    ids = sandbox.get("/v2/users").ids
    chosen = f"{ids[3]},{ids[8]},999999999"
    assert sandbox.get(f"/v2/users?filter[id]={chosen}").ids == [ids[3], ids[8]]


def test_several_filters_must_all_hold(sandbox: RunningSandbox) -> None:
    users = sandbox.truth("users")
    wanted = [u["id"] for u in users if u["kind"] == "student" and not u["alumni?"]]
    reply = sandbox.get("/v2/users?filter[kind]=student&filter[alumni?]=false&sort=id")
    assert reply.total == len(wanted) < len(users)
    assert reply.ids == wanted[:30]


def test_a_filter_on_an_instant_compares_the_day(sandbox: RunningSandbox) -> None:
    users = sandbox.truth("users")
    day = users[20]["created_at"][:10]
    wanted = [u["id"] for u in users if u["created_at"].startswith(day)]
    assert sandbox.get(f"/v2/users?filter[created_at]={day}&sort=id").ids == wanted[:30]


def test_a_range_includes_both_of_its_bounds(sandbox: RunningSandbox) -> None:
    rows = sorted(sandbox.truth("projects_users"), key=lambda row: str(row["updated_at"]))
    low, high = rows[100]["updated_at"], rows[160]["updated_at"]
    wanted = {r["id"] for r in rows if low <= r["updated_at"] <= high}
    reply = sandbox.get(f"/v2/projects_users?range[updated_at]={low},{high}&per_page=100")
    assert set(reply.ids) == wanted
    assert rows[100]["id"] in wanted
    assert rows[160]["id"] in wanted
    exact = sandbox.get(f"/v2/projects_users?range[updated_at]={low},{low}").ids
    assert rows[100]["id"] in exact


def test_a_range_never_finds_a_null(sandbox: RunningSandbox) -> None:
    rows = sandbox.truth("projects_users")
    marked = [r for r in rows if r["final_mark"] is not None]
    reply = sandbox.get("/v2/projects_users?range[final_mark]=-1000,1000000")
    assert reply.total == len(marked) < len(rows)


def test_zero_is_not_null(sandbox: RunningSandbox) -> None:
    zeros = [r["id"] for r in sandbox.truth("projects_users") if r["final_mark"] == 0]
    reply = sandbox.get("/v2/projects_users?filter[final_mark]=0&sort=id&per_page=100")
    assert reply.ids == zeros[:100]
    assert reply.total == len(zeros) > 0


def test_nulls_come_first_on_descending_and_last_on_ascending_sorts(
    sandbox: RunningSandbox,
) -> None:
    unmarked = sum(r["marked_at"] is None for r in sandbox.truth("projects_users"))
    down = sandbox.get("/v2/projects_users?sort=-marked_at&per_page=100").json()
    assert [r["marked_at"] for r in down[: min(unmarked, 100)]] == [None] * min(unmarked, 100)
    up = sandbox.get("/v2/projects_users?sort=marked_at&per_page=100").json()
    marks = [r["marked_at"] for r in up]
    assert None not in marks
    assert marks == sorted(marks)


def test_fields_of_a_sort_count_in_their_order(sandbox: RunningSandbox) -> None:
    rows = sandbox.truth("coalitions_users")
    wanted = sorted(rows, key=lambda r: (-int(r["coalition_id"]), int(r["id"])))
    reply = sandbox.get("/v2/coalitions_users?sort=-coalition_id,id&per_page=100")
    assert reply.json() == wanted[:100]


@pytest.mark.parametrize("path", DEFAULT_ORDERS)
def test_a_list_has_the_default_order_of_the_documentation(
    sandbox: RunningSandbox, path: str
) -> None:
    name, descends = DEFAULT_ORDERS[path]
    values = [row[name] for row in sandbox.get(f"{path}?per_page=100").json()]
    assert values == sorted(values, reverse=descends)


def test_rows_that_show_the_same_instant_are_not_always_ordered_by_id(
    sandbox: RunningSandbox,
) -> None:
    rows = sandbox.truth_of("/v2/coalitions_users")
    tied = [
        (before["id"], after["id"])
        for before, after in itertools.pairwise(rows)
        if before["created_at"] == after["created_at"]
    ]
    assert any(before > after for before, after in tied)
    assert any(before < after for before, after in tied)


def test_too_many_values_in_a_filter_are_answered_by_the_proxy(
    sandbox: RunningSandbox,
) -> None:
    few, many = (",".join(map(str, range(n))) for n in (100, 1_000))
    assert sandbox.get(f"/v2/users?filter[id]={few}").status == 200
    reply = sandbox.get(f"/v2/users?filter[id]={many}")
    assert reply.status == 502
    assert reply.headers["Content-Type"].startswith("text/html")


def campuses_of(sandbox: RunningSandbox) -> dict[int, set[int]]:
    """The campuses of every user."""
    campuses: dict[int, set[int]] = {}
    for link in sandbox.truth("campus_users"):
        campuses.setdefault(link["user_id"], set()).add(link["campus_id"])
    return campuses


def test_the_campus_filter_of_enrolments_counts_every_campus_of_the_user(
    sandbox: RunningSandbox,
) -> None:
    campuses = campuses_of(sandbox)
    wanted = [
        row["id"]
        for row in sandbox.truth("projects_users")
        if campuses.get(row["user"]["id"], set()) & {1, 9} and row["cursus_ids"] == [21]
    ]
    found = sandbox.truth_of("/v2/projects_users?filter[campus]=1,9&filter[cursus]=21&sort=id")
    assert [row["id"] for row in found] == wanted
    assert wanted


def test_the_campus_filter_of_cursus_users_misses_who_moved_away(
    sandbox: RunningSandbox,
) -> None:
    primary = {
        link["user_id"]
        for link in sandbox.truth("campus_users")
        if link["campus_id"] == 1 and link["is_primary"]
    }
    ever = {user for user, where in campuses_of(sandbox).items() if 1 in where}
    rows = sandbox.truth_of("/v2/cursus_users?filter[campus_id]=1")
    assert {row["user"]["id"] for row in rows} <= primary < ever


def test_the_cursus_filter_of_enrolments_can_be_as_unreliable_as_reported(
    sandbox: RunningSandbox,
) -> None:
    path = "/v2/projects_users?filter[cursus]=9&per_page=1"
    restricted = sandbox.get(path).total
    sandbox.configure(cursus_filter_restricts=False)
    assert sandbox.get(path).total == len(sandbox.truth("projects_users")) > restricted > 0


@pytest.mark.parametrize(("mode", "status"), [("ignored", 200), ("refused", 400)])
def test_sorting_enrolments_can_be_switched_off(
    sandbox: RunningSandbox, mode: str, status: int
) -> None:
    usual = sandbox.get("/v2/projects_users").ids
    sandbox.configure(projects_users_sort=mode)
    reply = sandbox.get("/v2/projects_users?sort=id")
    assert reply.status == status
    if status == 200:
        assert reply.ids == usual


@pytest.mark.parametrize(("mode", "status"), [("ignored", 200), ("refused", 400)])
def test_the_range_of_moved_points_can_be_switched_off(
    sandbox: RunningSandbox, mode: str, status: int
) -> None:
    path = "/v2/coalitions_users?range[this_year_score_updated_at]=1970-01-01,1970-01-02"
    assert sandbox.get(path).total == 0
    sandbox.configure(score_range=mode)
    reply = sandbox.get(path)
    assert reply.status == status
    if status == 200:
        assert reply.total == len(sandbox.truth("coalitions_users"))


@pytest.mark.parametrize(
    ("plain", "nested"),
    [
        ("/v2/cursus_users?cursus_id=21", "/v2/cursus/21/cursus_users"),
        ("/v2/users?cursus_id=21", "/v2/cursus/21/users"),
        ("/v2/users?cursus_id=42cursus", "/v2/cursus/21/users"),
        ("/v2/users?campus_id=1", "/v2/campus/1/users"),
        ("/v2/projects?cursus_id=21", "/v2/cursus/21/projects"),
        ("/v2/projects_users?project_id=1314", "/v2/projects/1314/projects_users"),
        ("/v2/projects_users?project_id=42cursus-libft", "/v2/projects/1314/projects_users"),
    ],
)
def test_a_parent_narrows_in_the_query_as_it_does_in_the_path(
    sandbox: RunningSandbox, plain: str, nested: str
) -> None:
    everything = sandbox.get(plain.partition("?")[0]).total
    assert sandbox.get(plain).total == sandbox.get(nested).total < everything
    assert sandbox.get(plain).ids == sandbox.get(nested).ids != []


def test_a_user_narrows_by_login_in_the_query(sandbox: RunningSandbox) -> None:
    user = sandbox.truth("projects_users")[0]["user"]
    found = sandbox.truth_of(f"/v2/projects_users?user_id={user['login']}")
    assert {row["user"]["id"] for row in found} == {user["id"]}
    assert sandbox.get("/v2/projects_users?user_id=nobody-here").ids == []


@pytest.mark.slow
def test_unstable_ties_lose_rows_between_pages(sandbox: RunningSandbox) -> None:
    def read() -> list[Any]:
        pages = range(1, 61)
        base = "/v2/projects_users?sort=status&per_page=100&page="
        return [i for page in pages for i in sandbox.get(f"{base}{page}").ids]

    stable = read()
    assert len(stable) == len(set(stable)) == len(sandbox.truth("projects_users"))
    sandbox.configure(unstable_ties=True)
    moving = read()
    assert len(moving) == len(stable)
    assert len(set(moving)) < len(moving)
