"""With a preset on privacy, nothing that tells who somebody is leaves the tap."""

from __future__ import annotations

import hmac
import json
import re
import sqlite3
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandboxes import running_sandbox
from tests.tap.proofs import a_day_later
from tests.tap.running import STREAMS, catalog_of
from tests.tap.scripted import paged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Run, Tap
    from tests.tap.scripted import ScriptedApi

Row = dict[str, Any]

KEY = "a key of more than sixteen characters"
PRESETS: dict[str, Row] = {
    "pseudonymous": {"privacy": "pseudonymous", "privacy_key": KEY},
    "pseudonymous with keyed ids": {
        "privacy": "pseudonymous",
        "privacy_key": KEY,
        "privacy_ids": "keyed",
    },
    "none": {"privacy": "none"},
    "none with keyed ids": {"privacy": "none", "privacy_key": KEY, "privacy_ids": "keyed"},
}
TELLING = (
    "login", "email", "first_name", "last_name", "usual_full_name", "usual_first_name",
    "displayname", "location",
)  # fmt: skip
BREAKING = ("wallet", "updated_at", "login", "image", "staff?", "pool_month")


def hashed(text: str) -> str:
    return hmac.digest(KEY.encode(), text.encode(), "sha256").hex()


def strings_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, below in value.items():
            yield key
            yield from strings_in(below)
    elif isinstance(value, list):
        for below in value:
            yield from strings_in(below)


def words_of(text: str) -> set[str]:
    return set(re.findall(r"[^\s\"',:;|{}\[\]()=/]+", text))


@pytest.fixture(scope="module")
def people() -> Iterator[RunningSandbox]:
    with running_sandbox(users=60, enrolments=150, achievements_per_user=2) as running:
        for row, column in enumerate(BREAKING):
            running.fault("wrong_type", route="/v2/cursus/:id/users", column=column, row=row)
        running.fault("wrong_type", route="/v2/projects_users", column="final_mark", row=1)
        running.fault("wrong_type", route="/v2/projects_users", column="user", row=2)
        running.fault("extra_field", route="/v2/cursus/:id/users", row=7)
        running.fault("missing_field", route="/v2/cursus/:id/users", column="id", row=8)
        yield running


@pytest.fixture(scope="module", params=PRESETS)
def run(request: pytest.FixtureRequest, tap: Tap, people: RunningSandbox) -> Run:
    """A run of all streams with a preset, whose census is due and whose log tells all."""
    preset = PRESETS[request.param]
    here = tap.with_json_logs("DEBUG").pointed_at(people, census_hour=0, **preset)
    return here.run(*STREAMS)


@pytest.mark.few(1)
def test_no_original_value_is_in_anything_that_is_written(
    run: Run, people: RunningSandbox
) -> None:
    # Who was anonymised is called by the id, also at 42.
    persons = [one for one in people.truth("users") if not one["login"].startswith("3b3-")]
    told = {person[column] for person in persons for column in (*TELLING, "url")}
    told |= set(strings_in([person["image"] for person in persons]))
    told -= {None, "", "link", "versions", "large", "medium", "small", "micro"}
    assert len(told) > 200
    written = run.output + run.log
    said = words_of(written)
    strings = set().union(*map(strings_in, run.messages))
    for value in told:
        assert value not in strings
        assert value not in said
        if len(value) > 10:
            assert json.dumps(value)[1:-1] not in written


def test_nothing_of_people_stays_in_the_spool(tap: Tap, people: RunningSandbox) -> None:
    spool = tap.folder / "private-spool"
    here = tap.pointed_at(people, spool=str(spool))
    state = here.run("rejected_records", "users", "projects_users").state
    here.run("rejected_records", "users", state=state, census_hour=-1)
    assert pages_in(spool)
    here.run("rejected_records", "users", "projects_users", state=state, **PRESETS["none"])
    assert not pages_in(spool)
    for file in spool.glob("*"):
        assert file.stat().st_mode & 0o077 == 0


def pages_in(spool: Path) -> list[bytes]:
    """Return the pages that lie in a folder's spools."""
    pages = []
    for file in spool.glob("*.sqlite"):
        with sqlite3.connect(file) as database:
            pages += [
                zlib.decompress(body) for (body,) in database.execute("SELECT body FROM pages")
            ]
    return pages


def test_the_same_person_has_the_same_pseudonym_everywhere(
    tap: Tap, people: RunningSandbox
) -> None:
    here = tap.pointed_at(people, census_hour=-1, **PRESETS["pseudonymous with keyed ids"])
    run = here.run("rejected_records", "users", "projects_users", "achievements_users")
    truth = {person["id"]: person for person in people.truth("users")}
    logins = {hashed(person["login"]) for person in truth.values()}
    users = {row["id"]: row["login"] for row in run.records("users")}
    assert users
    assert users.keys().isdisjoint(truth)
    badges = [row for row in run.records("achievements_users") if row["user_id"] in users]
    assert badges
    for row in badges:
        assert row["login"] == users[row["user_id"]]
        assert row["login"] in logins or row["login"].startswith("3b3-")
    enrolments = run.records("projects_users")
    assert {row["user_id"] for row in enrolments} & users.keys()
    mates = [mate for row in enrolments for team in row["teams"] for mate in team["users"]]
    assert {mate["id"] for mate in mates} & users.keys()
    assert {mate["login"] for mate in mates if mate["id"] in users} <= set(users.values())
    again = here.run("rejected_records", "users")
    assert {row["id"]: row["login"] for row in again.records("users")} == users


def test_who_was_anonymised_at_42_is_still_seen_to_be(tap: Tap, people: RunningSandbox) -> None:
    gone = {one["id"] for one in people.truth("users") if one["login"].startswith("3b3-")}
    for preset in ("pseudonymous", "none"):
        run = tap.pointed_at(people, census_hour=-1, **PRESETS[preset]).run(
            "rejected_records", "users"
        )
        seen = {row["id"] for row in run.records("users") if row["login"].startswith("3b3-")}
        assert seen
        assert seen == gone & set(run.ids("users"))


def test_without_anything_personal_a_person_is_what_keys_need(
    tap: Tap, people: RunningSandbox
) -> None:
    run = tap.pointed_at(people, census_hour=-1, privacy="none").run(
        "rejected_records", "users", "projects_users"
    )
    rows = run.records("users")
    assert rows
    for row in rows:
        told = {name for name, value in row.items() if value is not None}
        assert told <= {"id", "cursus_id", "kind", "alumni", "updated_at", "login"}
        assert row["login"].endswith(f"-{row['id']:019d}")
    for row in run.records("projects_users"):
        for team in row["teams"]:
            assert {mate["id"] for mate in team["users"]} <= {None}


# Records that are not as they should be

LOGIN, MAIL = "jdoe-hapax", "jane-hapax@example.org"
USER: Row = {
    "id": 94235, "email": MAIL, "login": LOGIN, "first_name": "Jane-Hapax", "last_name": None,
    "usual_full_name": None, "usual_first_name": None, "url": f"https://x/users/{LOGIN}",
    "phone": "hidden", "displayname": "Jane-Hapax", "kind": "student",
    "image": {"link": f"https://cdn/{LOGIN}.jpg", "versions": None}, "staff?": False,
    "correction_point": 4, "pool_month": "may", "pool_year": "2020", "location": "c1r2s3-hapax",
    "wallet": 5, "anonymize_date": None, "data_erasure_date": None, "created_at": None,
    "updated_at": "2026-01-01T00:00:00.000Z", "alumnized_at": None, "alumni?": False,
    "active?": True,
}  # fmt: skip
CALM = {
    name: value.replace("hapax", "calm").replace("Hapax", "calm")
    if isinstance(value, str)
    else value
    for name, value in (USER | {"image": None}).items()
}
ODD: dict[str, object] = {
    "no e-mail": USER | {"email": None},
    "no picture": USER | {"image": None},
    "no id": {name: value for name, value in USER.items() if name != "id"},
    "an id with a fraction": USER | {"id": 94235.5},
    "a login for an id": USER | {"id": LOGIN},
    "a login that is an object": USER | {"login": {"of": LOGIN}},
    "a login in a list": USER | {"login": [LOGIN], "email": [MAIL]},
    "a login for a number": USER | {"wallet": LOGIN},
    "a login for an instant": USER | {"updated_at": LOGIN},
    "a login for a picture": USER | {"image": LOGIN},
    "a lone surrogate": USER | {"login": LOGIN + "\ud800", "kind": 5},
    "unknown fields": USER | {LOGIN: LOGIN, "titles": [{"name": LOGIN}], "kind": 5},
    "a list": [USER],
    "a text": LOGIN,
    "null": None,
}


WELL = [
    {"id": number, **{k: v for k, v in CALM.items() if k != "id"}} for number in range(1, 40)
]


def telling(run: Run) -> list[str]:
    return re.findall(r"\w*hapax\w*", run.output + run.log, re.IGNORECASE)


@pytest.mark.few(2)
@pytest.mark.parametrize("preset", PRESETS)
def test_oddities_neither_stop_a_run_nor_tell_anything(
    tap: Tap, api: ScriptedApi, preset: str
) -> None:
    api.script["/v2/cursus/21/users"] = paged([*WELL, *ODD.values()])
    run = tap.pointed_at(api, census_hour=-1, **PRESETS[preset]).run(
        "users", "rejected_records"
    )
    assert run.records("users")
    assert run.records("rejected_records")
    assert telling(run) == []


def test_a_rejected_record_keeps_its_id_only(tap: Tap, api: ScriptedApi) -> None:
    api.script["/v2/cursus/21/users"] = paged([USER | {"kind": 5}])
    here = tap.pointed_at(api, census_hour=-1, **PRESETS["pseudonymous"])
    (rejected,) = here.run("users", "rejected_records").records("rejected_records")
    assert rejected["record_id"] == "94235"
    assert rejected["body"] == {"id": 94235}
    assert "kind" in rejected["reason"]


def test_a_rejected_record_keeps_its_id_only_where_a_column_is_deselected(
    tap: Tap, api: ScriptedApi, tmp_path: Path
) -> None:
    api.script["/v2/cursus/21/users"] = paged([USER | {"kind": 5}])
    catalog = catalog_of(["users", "rejected_records"])
    (users,) = [entry for entry in catalog["streams"] if entry["stream"] == "users"]
    (email,) = [one for one in users["metadata"] if one["breadcrumb"][-1:] == ["email"]]
    email["metadata"]["selected"] = False
    (tmp_path / "catalog.json").write_text(json.dumps(catalog), encoding="utf-8")
    run = tap.pointed_at(api, census_hour=-1).call("--catalog", str(tmp_path / "catalog.json"))
    (rejected,) = run.records("rejected_records")
    assert rejected["body"] == {"id": 94235}


MAPS: Row = {
    "users": {
        "login": "sha256(login)", "email": "__NULL__", "first_name": "__NULL__",
        "displayname": "__NULL__", "url": "__NULL__", "image_link": "__NULL__",
        "location": "__NULL__", "extra": "__NULL__",
    }
}  # fmt: skip


def test_what_stream_maps_drop_and_hash_is_in_no_rejected_record(
    tap: Tap, api: ScriptedApi
) -> None:
    broken = USER | {"kind": 5, LOGIN: LOGIN}
    # In these, the login stands where the maps say something of it, or nowhere.
    odd = (
        "no id",
        "a login in a list",
        "a login for a picture",
        "unknown fields",
        "a list",
        "a text",
    )
    api.script["/v2/cursus/21/users"] = paged([*WELL, *(ODD[name] for name in odd), broken])
    run = tap.pointed_at(api, census_hour=-1, stream_maps=MAPS).run("users", "rejected_records")
    *_, rejected = run.records("rejected_records")
    assert rejected["body"] == {"record": None}
    assert "kind" in rejected["reason"]
    assert telling(run) == []


def test_a_rejected_enrolment_does_not_carry_the_person_s_row(
    tap: Tap, api: ScriptedApi
) -> None:
    enrolment = {"id": 1, "final_mark": "many", "user": USER, "project": {"id": 7}}
    well = {
        "id": 2, "user": {"id": 7}, "cursus_id": 21, "grade": None, "level": 1.5, "skills": [],
        "blackholed_at": None, "begin_at": None, "end_at": None, "has_coalition": True,
        "created_at": "2026-01-01T00:00:00.000Z", "updated_at": "2026-01-01T00:00:00.000Z",
    }  # fmt: skip
    api.script["/v2/cursus/21/cursus_users"] = paged(
        [
            *[well | {"id": number} for number in range(2, 9)],
            enrolment,
            enrolment | {"user": [USER]},
        ]
    )
    run = tap.pointed_at(api, census_hour=-1).run("cursus_users", "rejected_records")
    bodies = [row["body"] for row in run.records("rejected_records")]
    assert len(bodies) == 2
    assert telling(run) == []


# Settings


def test_pseudonyms_need_a_key_that_nobody_guesses(tap: Tap, api: ScriptedApi) -> None:
    for settings in (
        {"privacy": "pseudonymous"},
        {"privacy": "pseudonymous", "privacy_key": "too-short"},
        {"privacy": "none", "privacy_ids": "keyed"},
    ):
        run = tap.pointed_at(api, **settings).fail("cursus")
        assert "privacy_key is missing" in run.log
        assert "too-short" not in run.log


def test_keyed_ids_need_a_preset(tap: Tap, api: ScriptedApi) -> None:
    run = tap.pointed_at(api, privacy_ids="keyed", privacy_key=KEY).fail("cursus")
    assert "needs privacy" in run.log


def test_another_preset_or_key_reads_everybody_again(tap: Tap, people: RunningSandbox) -> None:
    here = tap.pointed_at(people, census_hour=-1)
    first = here.run("users", "rejected_records")
    everybody = first.ids("users")
    for settings in (
        PRESETS["pseudonymous"],
        {**PRESETS["pseudonymous"], "privacy_key": KEY * 2},
        {},
    ):
        first = here.run("users", "rejected_records", state=first.state, **settings)
        assert first.ids("users") == everybody


def test_keyed_ids_that_are_gone_are_told_one_by_one(tap: Tap) -> None:
    with running_sandbox(users=60, enrolments=1) as living:
        here = tap.pointed_at(living, **PRESETS["pseudonymous with keyed ids"])
        first = here.run("users", "census", census_hour=0)
        shown = {row["login"]: row["id"] for row in first.records("users")}
        gone = [one for one in living.truth("users") if hashed(one["login"]) in shown][:2]
        for one in gone:
            living.delete("users", one["id"])
        state = a_day_later(first.state)
        night = here.run("users", "census", census_hour=0, state=state)
        told = {row["first_id"] for row in night.records("census") if row["ids"] == []}
        assert told == {shown[hashed(one["login"])] for one in gone}
        known = {one["id"] for one in living.truth("users")}
        for row in (*first.records("census"), *night.records("census")):
            assert known.isdisjoint({row["first_id"], row["last_id"], *(row["ids"] or ())})
