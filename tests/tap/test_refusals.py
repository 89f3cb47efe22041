"""What a person must solve ends the run with one line that says what and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tap.scripted import Reply, always, paged

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Started, Tap
    from tests.tap.scripted import ScriptedApi

CURSUS = {"id": 21, "created_at": None, "name": "42cursus", "slug": "42cursus", "kind": "main"}
ADVICE = {400: "report this line", 403: "roles", 404: "`cursus_ids`"}


@pytest.mark.few(1)
@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_refusal_names_the_address_and_what_to_do(
    tap: Tap, api: ScriptedApi, status: int
) -> None:
    body = {"error": "Some Error", "message": "Attributes x doesn't exists"}
    api.script["/v2/cursus/21/users"] = always(Reply(body, status))
    run = tap.pointed_at(api).fail("users")
    assert run.exit_code == 1
    assert f"{status}" in run.last_word
    assert f"GET {api.url}/v2/cursus/21/users?filter[kind]=student" in run.last_word
    assert "Attributes x doesn't exists" in run.last_word
    assert ADVICE[status] in run.last_word
    asked = [str(one.query) for one in api.asked_for("/v2/cursus/21/users")]
    assert len(asked) == len(set(asked))  # none is tried again


@pytest.mark.parametrize("setting", ["cursus_ids", "campus_ids"])
def test_an_id_that_does_not_exist_is_named(
    tap: Tap, sandbox: RunningSandbox, setting: str
) -> None:
    run = tap.pointed_at(sandbox, **{setting: [4242]}).fail("cursus", "users")
    assert f"{setting}: 42 lists none with the id 4242" in run.log
    assert run.records("users") == []


@pytest.mark.few(1)
@pytest.mark.parametrize(("setting", "known"), [("cursus_ids", 21), ("campus_ids", 1)])
def test_what_exists_beside_it_is_read(
    tap: Tap, sandbox: RunningSandbox, setting: str, known: int
) -> None:
    run = tap.pointed_at(sandbox, **{setting: [known, 4242]}).fail("users")
    assert "4242" in run.last_word
    alone = tap.pointed_at(sandbox, **{setting: [known]}).run("users")
    assert run.ids("users") == alone.ids("users")


def test_a_campus_that_42_has_and_does_not_list_is_told_of_once_and_read(
    tap: Tap, mutable: RunningSandbox
) -> None:
    unlisted = 2
    (somebody, *_) = tap.pointed_at(mutable, campus_ids=[1]).run("users").ids("users")
    (tie,) = [
        row["id"] for row in mutable.truth("campus_users")
        if row["user_id"] == somebody and row["is_primary"]
    ]  # fmt: skip
    mutable.update("campus_users", tie, campus_id=unlisted)
    here = tap.pointed_at(mutable, campus_ids=[1, unlisted])
    first = here.run("users")
    (told,) = [line for line in first.warnings if "campus_ids" in line]
    assert "42 does not list 2, but it exists" in told
    assert somebody in first.ids("users")
    second = here.run("users", state=first.state)
    assert not [line for line in second.warnings if "campus_ids" in line]


@pytest.mark.few(1)
@pytest.mark.parametrize(
    "part", ["?access_token=hunter2", "?client_secret=hunter2", "?token=hunter2&x=1"]
)
def test_secrets_in_an_address_are_masked(tap: Tap, api: ScriptedApi, part: str) -> None:
    there = f"{api.url}/elsewhere{part}"
    api.script["/v2/cursus"] = always(Reply(status=302, headers={"Location": there}))
    run = tap.pointed_at(api).fail("cursus")
    assert "/elsewhere" in run.last_word
    assert "***" in run.last_word
    assert not api.asked_for("/elsewhere")
    assert "hunter2" not in run.log


def test_a_password_in_the_address_is_not_shown(tap: Tap, api: ScriptedApi) -> None:
    api.script["/v2/cursus"] = always(Reply({}, 404))
    with_password = api.url.replace("http://", "http://somebody:hunter2@")
    run = tap.pointed_at(api, api_url=with_password).fail("cursus")
    assert "404" in run.last_word
    assert "hunter2" not in run.log


def test_a_server_s_words_are_cut_and_stay_on_one_line(tap: Tap, api: ScriptedApi) -> None:
    body = {"error": "PG::Error:\n  SELECT\n" + "very " * 1000 + "last"}
    api.script["/v2/cursus"] = always(Reply(body, 400))
    run = tap.pointed_at(api).fail("cursus")
    assert "PG::Error: SELECT very" in run.last_word
    assert "last" not in run.last_word


def test_rows_that_came_before_a_refusal_are_not_lost(tap: Tap, api: ScriptedApi) -> None:
    api.script["/v2/cursus"] = paged([CURSUS])
    api.script["/v2/blocs"] = always(Reply({}, 404))
    assert tap.pointed_at(api).fail("cursus", "blocs").ids("cursus") == [21]


@pytest.mark.parametrize("status", ["403", "404", "500", "502", "503"])
def test_a_server_that_never_recovers_is_named_with_its_status(
    hopeless: dict[str, Started], status: str
) -> None:
    run = hopeless[status].finish()
    assert run.exit_code == 1
    assert "Traceback" not in run.log
    assert status in run.last_word
    assert f"/{status}/v2/cursus" in run.last_word


def test_a_challenge_page_of_a_proxy_is_not_quoted(hopeless: dict[str, Started]) -> None:
    run = hopeless["403"].finish()
    assert "`user_agent`" in run.last_word
    assert "<html" not in run.log


def test_a_token_endpoint_that_a_proxy_refuses_is_not_called_a_wrong_secret(
    hopeless: dict[str, Started],
) -> None:
    run = hopeless["token"].finish()
    assert run.exit_code == 1
    assert "403" in run.last_word
    assert "/token/oauth/token" in run.last_word
    assert "credentials" not in run.log
    assert "`client_secret`" not in run.log


@pytest.mark.parametrize(("kind", "missing"), [("html", "JSON"), ("object", "list of records")])
def test_answers_that_are_no_records_are_named(
    hopeless: dict[str, Started], kind: str, missing: str
) -> None:
    run = hopeless[kind].finish()
    assert run.exit_code == 1
    assert "Traceback" not in run.log
    assert missing in run.last_word
    assert f"/{kind}/v2/cursus" in run.last_word


def test_a_missing_server_is_named_with_what_to_check(hopeless: dict[str, Started]) -> None:
    run = hopeless["missing"].finish()
    assert run.exit_code == 1
    assert "Traceback" not in run.log
    assert "http://127.0.0.1:9" in run.last_word
    assert "`api_url`" in run.last_word
    assert "42 gives no token" in run.last_word
    assert "The run failed: 0 rows" in run.log
