"""Every route answers as the API's does: forms, keys, names in paths, refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

USER = [
    "id",
    "email",
    "login",
    "first_name",
    "last_name",
    "usual_full_name",
    "usual_first_name",
    "url",
    "phone",
    "displayname",
    "kind",
    "image",
    "staff?",
    "correction_point",
    "pool_month",
    "pool_year",
    "location",
    "wallet",
    "anonymize_date",
    "data_erasure_date",
    "created_at",
    "updated_at",
    "alumnized_at",
    "alumni?",
    "active?",
]
LONG = [
    "groups",
    "cursus_users",
    "projects_users",
    "languages_users",
    "achievements",
    "titles",
    "titles_users",
    "partnerships",
    "patroned",
    "patroning",
    "expertises_users",
    "roles",
    "campus",
    "campus_users",
]
CURSUS_USER = [
    "id",
    "begin_at",
    "end_at",
    "grade",
    "level",
    "skills",
    "cursus_id",
    "has_coalition",
    "blackholed_at",
    "created_at",
    "updated_at",
    "user",
    "cursus",
]
PROJECTS_USER = [
    "id",
    "occurrence",
    "final_mark",
    "status",
    "validated?",
    "current_team_id",
    "project",
    "cursus_ids",
    "marked_at",
    "marked",
    "retriable_at",
    "created_at",
    "updated_at",
    "user",
    "teams",
]
TEAM = [
    "id",
    "name",
    "url",
    "final_mark",
    "project_id",
    "created_at",
    "updated_at",
    "status",
    "terminating_at",
    "users",
    "locked?",
    "validated?",
    "closed?",
    "repo_url",
    "repo_uuid",
    "locked_at",
    "closed_at",
    "project_session_id",
    "project_gitlab_path",
]
SESSION = [
    "id",
    "solo",
    "begin_at",
    "end_at",
    "estimate_time",
    "difficulty",
    "objectives",
    "description",
    "duration_days",
    "terminating_after",
    "project_id",
    "campus_id",
    "cursus_id",
    "created_at",
    "updated_at",
    "max_people",
    "is_subscriptable",
    "scales",
    "uploads",
    "team_behaviour",
    "commit",
]
CAMPUS = [
    "id",
    "name",
    "time_zone",
    "language",
    "users_count",
    "vogsphere_id",
    "country",
    "address",
    "zip",
    "city",
    "website",
    "facebook",
    "twitter",
    "active",
    "public",
    "email_extension",
    "default_hidden_phone",
]
PROJECT = [
    "id",
    "name",
    "slug",
    "difficulty",
    "parent",
    "children",
    "attachments",
    "created_at",
    "updated_at",
    "exam",
    "git_id",
    "repository",
    "recommendation",
    "cursus",
    "campus",
    "videos",
    "project_sessions",
]
ACHIEVEMENT = [
    "id",
    "name",
    "description",
    "tier",
    "kind",
    "visible",
    "image",
    "nbr_of_success",
    "users_url",
    "achievements",
    "campus",
    "parent",
    "title",
]
KEYS = {
    "/v2/cursus": ["id", "created_at", "name", "slug", "kind"],
    "/v2/campus": [*CAMPUS, "endpoint"],
    "/v2/projects": PROJECT,
    "/v2/cursus/21/projects": PROJECT,
    "/v2/achievements": ACHIEVEMENT,
    "/v2/campus/1/achievements": ACHIEVEMENT,
    "/v2/blocs": [
        "id",
        "campus_id",
        "cursus_id",
        "squad_size",
        "created_at",
        "updated_at",
        "coalitions",
    ],
    "/v2/coalitions": [
        "id",
        "name",
        "slug",
        "image_url",
        "cover_url",
        "color",
        "score",
        "user_id",
    ],
    "/v2/users": USER,
    "/v2/cursus/21/users": USER,
    "/v2/campus/1/users": USER,
    "/v2/cursus_users": CURSUS_USER,
    "/v2/cursus/21/cursus_users": CURSUS_USER,
    "/v2/projects_users": PROJECTS_USER,
    "/v2/achievements_users": [
        "id",
        "achievement_id",
        "user_id",
        "login",
        "nbr_of_success",
        "url",
        "created_at",
        "updated_at",
    ],
    "/v2/coalitions_users": [
        "id",
        "coalition_id",
        "user_id",
        "score",
        "rank",
        "created_at",
        "updated_at",
    ],
    "/v2/campus_users": [
        "id",
        "user_id",
        "campus_id",
        "is_primary",
        "created_at",
        "updated_at",
    ],
}
NO_SUCH_ROUTE = (
    "/v2/campuses",
    "/v2/cursus/21/campus",
    "/v2/campus/1/projects_users",
    "/v2/campus/1/cursus_users",
    "/v2/campus/1/campus_users",
    "/v2/users/1/achievements_users",
    "/v2/nothing",
    "/v2",
    "/v2/",
)


def some_student(sandbox: RunningSandbox) -> dict[str, Any]:
    """A student with enrolments and coalitions."""
    owner = sandbox.get("/v2/coalitions_users?sort=id&page[size]=50").json()
    enrolled = {e["user"]["id"] for e in sandbox.truth("projects_users")}
    wanted = next(row["user_id"] for row in owner if row["user_id"] in enrolled)
    student: dict[str, Any] = sandbox.get(f"/v2/users?filter[id]={wanted}").json()[0]
    return student


@pytest.mark.parametrize("path", KEYS)
def test_a_list_has_the_keys_of_the_api_in_their_order(
    sandbox: RunningSandbox, path: str
) -> None:
    rows = sandbox.get(f"{path}?page[size]=5").json()
    assert rows
    for row in rows:
        assert list(row) == KEYS[path]


def test_nested_objects_have_the_keys_of_the_api(sandbox: RunningSandbox) -> None:
    enrolments = sandbox.get("/v2/projects_users?filter[status]=finished").json()
    for enrolment in enrolments:
        assert list(enrolment["user"]) == USER
        assert list(enrolment["project"]) == ["id", "name", "slug", "parent_id"]
        assert len(enrolment["teams"]) == enrolment["occurrence"] + 1
        assert enrolment["teams"][-1]["id"] == enrolment["current_team_id"]
        for team in enrolment["teams"]:
            assert list(team) == TEAM
            assert enrolment["id"] in {m["projects_user_id"] for m in team["users"]}
            assert [m["leader"] for m in team["users"]].count(True) == 1
    project = sandbox.get("/v2/projects/1314").json()
    assert list(project) == PROJECT
    for session in project["project_sessions"]:
        assert list(session) == SESSION
    for campus in project["campus"]:
        assert list(campus) == CAMPUS
        assert list(campus["language"])[3:] == ["created_at", "updated_at"]
    link = sandbox.get("/v2/cursus_users?page[size]=1").json()[0]
    assert list(link["user"]) == USER
    assert list(link["cursus"]) == KEYS["/v2/cursus"]


def test_one_user_comes_in_the_long_form(sandbox: RunningSandbox) -> None:
    short = some_student(sandbox)
    long = sandbox.get(f"/v2/users/{short['id']}").json()
    assert list(long) == USER + LONG
    assert {key: long[key] for key in USER} == short
    assert long["cursus_users"]
    assert all(list(link) == CURSUS_USER for link in long["cursus_users"])
    assert all(link["user"] == short for link in long["cursus_users"])
    assert all(list(e) == PROJECTS_USER[:-2] for e in long["projects_users"])
    assert all(list(a) == ACHIEVEMENT[:9] for a in long["achievements"])
    assert all(list(c) == CAMPUS for c in long["campus"])


def test_a_row_is_found_by_id_slug_or_login(sandbox: RunningSandbox) -> None:
    user = some_student(sandbox)
    assert sandbox.get(f"/v2/users/{user['login']}").json()["id"] == user["id"]
    assert sandbox.get("/v2/cursus/42cursus").json()["id"] == 21
    # The cursus with the slug `42` is number 1, but a number is an id first.
    assert sandbox.get("/v2/cursus/42").json()["id"] == 42
    assert sandbox.get("/v2/cursus/21").json()["slug"] == "42cursus"
    assert sandbox.get("/v2/campus/paris").json()["id"] == 1
    by_slug = sandbox.get("/v2/cursus/42cursus/users?page[size]=1")
    assert by_slug.total == sandbox.get("/v2/cursus/21/users?page[size]=1").total


@pytest.mark.few(1)
@pytest.mark.parametrize(
    "table", ["projects_users", "coalitions_users", "campus_users", "cursus_users"]
)
def test_what_hangs_on_a_user_is_listed_below_the_user(
    sandbox: RunningSandbox, table: str
) -> None:
    user = some_student(sandbox)
    rows = sandbox.get(f"/v2/users/{user['login']}/{table}?page[size]=100").json()
    whole = [
        row
        for row in sandbox.truth(table)
        if (row.get("user_id") or row["user"]["id"]) == user["id"]
    ]
    assert rows
    assert sorted(rows, key=lambda row: int(row["id"])) == whole


def test_nested_routes_narrow_to_their_parent(sandbox: RunningSandbox) -> None:
    memberships = sandbox.truth("coalitions_users")
    coalition = memberships[len(memberships) // 2]["coalition_id"]
    inside = [m for m in memberships if m["coalition_id"] == coalition]
    listed = sandbox.get(f"/v2/coalitions/{coalition}/coalitions_users?sort=id&per_page=100")
    assert listed.json() == inside[:100]
    known = {user["id"] for user in sandbox.truth("users")}
    users = sandbox.get(f"/v2/coalitions/{coalition}/users")
    assert users.total == len({m["user_id"] for m in inside} & known)
    badge = sandbox.truth("achievements_users")[0]["achievement_id"]
    won = sandbox.get(f"/v2/achievements/{badge}/achievements_users?page[size]=100")
    assert {row["achievement_id"] for row in won.json()} == {badge}
    libft = sandbox.get("/v2/projects/1314/projects_users?page[size]=100")
    assert {row["project"]["id"] for row in libft.json()} == {1314}


@pytest.mark.parametrize("path", NO_SUCH_ROUTE)
def test_a_route_that_does_not_exist_is_not_found(sandbox: RunningSandbox, path: str) -> None:
    reply = sandbox.get(path)
    assert (reply.status, reply.body) == (404, b"{}")


@pytest.mark.parametrize("path", ["/v2/users/nobody", "/v2/cursus/999", "/v2/me"])
def test_a_row_that_does_not_exist_is_not_found(sandbox: RunningSandbox, path: str) -> None:
    reply = sandbox.get(path)
    assert (reply.status, reply.body) == (404, b"{}")


@pytest.mark.parametrize(
    "path", ["/v2/cursus/21/levels", "/v2/campus/1/stats", "/v2/projects/1000"]
)
def test_some_routes_are_closed_to_applications(sandbox: RunningSandbox, path: str) -> None:
    reply = sandbox.get(path)
    assert reply.status == 403
    assert reply.json()["error"] == "Access Denied"


def test_only_active_public_campuses_are_listed_but_others_are_embedded(
    sandbox: RunningSandbox,
) -> None:
    listed = {c["id"] for c in sandbox.truth("campus")}
    assert sandbox.get("/v2/campus").total == len(listed) == 54
    assert len(sandbox.truth("campus", hidden="true")) == 74
    embedded = {c["id"] for p in sandbox.truth("projects") for c in p["campus"]}
    linked = {row["campus_id"] for row in sandbox.truth("campus_users")}
    assert embedded - listed
    assert linked - listed


def test_head_has_the_headers_of_get_and_no_body(sandbox: RunningSandbox) -> None:
    get = sandbox.get("/v2/campus?page[size]=3")
    head = sandbox.get("/v2/campus?page[size]=3", method="HEAD")
    assert (head.status, head.body) == (200, b"")
    for name in ("X-Total", "X-Per-Page", "X-Page", "Link", "ETag", "Content-Length"):
        assert head.headers[name] == get.headers[name]


def test_a_known_etag_gets_304_without_a_body(sandbox: RunningSandbox) -> None:
    etag = sandbox.get("/v2/cursus").headers["ETag"]
    again = sandbox.get("/v2/cursus", If_None_Match=etag)
    assert (again.status, again.body) == (304, b"")


def test_a_slash_at_the_end_changes_nothing(sandbox: RunningSandbox) -> None:
    assert sandbox.get("/v2/cursus/").body == sandbox.get("/v2/cursus").body


def test_every_answer_names_application_and_request(sandbox: RunningSandbox) -> None:
    headers = sandbox.get("/v2/cursus").headers
    assert headers["X-Application-Name"] == "sandbox"
    assert headers["X-Application-Roles"] == "None"
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert headers["Cache-Control"] == "max-age=0, private, must-revalidate"
    for name in ("X-Application-Id", "X-Request-Id", "X-Runtime", "Vary"):
        assert headers[name]


@pytest.mark.parametrize(("method", "path"), [("GET", "/v2/cursus"), ("POST", "/oauth/token")])
def test_without_a_user_agent_cloudflare_answers(
    sandbox: RunningSandbox, method: str, path: str
) -> None:
    sandbox.token()
    reply = sandbox.get(path, method=method, User_Agent="")
    assert reply.status == 403
    assert b"Just a moment..." in reply.body
    assert reply.headers["Content-Type"].startswith("text/html")
