"""A record that breaks its schema is kept aside with the reason, and the run goes on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.tap.scripted import paged

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Run, Tap
    from tests.tap.scripted import ScriptedApi

Row = dict[str, Any]
OWN = ("rejected_records", "sync_runs")

CURSUS: Row = {"id": 21, "created_at": None, "name": "42", "slug": "42", "kind": "main"}
BROKEN: dict[str, tuple[object, str]] = {
    "a text for an id": (CURSUS | {"id": "21"}, "id is a string"),
    "no id": ({k: v for k, v in CURSUS.items() if k != "id"}, "id is missing"),
    "null for an id": (CURSUS | {"id": None}, "id is null"),
    "a fraction for an id": (CURSUS | {"id": 1.5}, "id is a number"),
    "a number that no table holds": (CURSUS | {"id": 2**63}, "id does not fit in 64 bits"),
    "a missing key": ({k: v for k, v in CURSUS.items() if k != "slug"}, "slug is missing"),
    "a number for a name": (CURSUS | {"name": 42}, "name is an integer"),
    "an object for a name": (CURSUS | {"name": {"en": "42"}}, "name is an object"),
    "no instant": (CURSUS | {"created_at": "soon"}, "created_at"),
    "a number for an instant": (CURSUS | {"created_at": 1763715611}, "created_at"),
    "a text": ("not a record", "the record is a string"),
    "a list": ([1, 2], "the record is an array"),
    "null": (None, "the record is null"),
}


def run_with(tap: Tap, api: ScriptedApi, *records: object) -> Run:
    api.script["/v2/cursus"] = paged(records)
    return tap.pointed_at(api).run("cursus", "rejected_records")


@pytest.mark.few(4)
@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_record_is_kept_aside_with_the_reason(
    tap: Tap, api: ScriptedApi, kind: str
) -> None:
    record, reason = BROKEN[kind]
    good = [CURSUS | {"id": 1}, CURSUS | {"id": 2}]
    run = run_with(tap, api, good[0], record, good[1])
    assert run.ids("cursus") == [1, 2]
    (rejected,) = run.records("rejected_records")
    assert rejected["stream"] == "cursus"
    assert reason in rejected["reason"]
    assert record in (rejected["body"], rejected["body"].get("record"))


@pytest.mark.few(2)
@pytest.mark.parametrize(
    ("record_id", "told"), [(7, "7"), ("7", "7"), (None, None), ("seven", "seven")]
)
def test_a_broken_record_is_told_with_the_id_it_gave(
    tap: Tap, api: ScriptedApi, record_id: object, told: str | None
) -> None:
    run = run_with(tap, api, CURSUS | {"id": record_id, "name": 42})
    (rejected,) = run.records("rejected_records")
    assert rejected["record_id"] == told


def test_every_reason_is_told(tap: Tap, api: ScriptedApi) -> None:
    run = run_with(tap, api, CURSUS | {"id": "21", "name": 42, "slug": []})
    (rejected,) = run.records("rejected_records")
    for column in ("id", "name", "slug"):
        assert f"{column} is " in rejected["reason"]


def test_one_record_has_one_name_and_two_have_two(tap: Tap, api: ScriptedApi) -> None:
    first, second = CURSUS | {"id": "1"}, CURSUS | {"id": "2"}
    good = [CURSUS | {"id": number} for number in (3, 4)]
    run = run_with(tap, api, first, second, *good)
    names = [row["rejection_id"] for row in run.records("rejected_records")]
    assert len(set(names)) == 2
    turned = dict(reversed(first.items()))
    again = run_with(tap, api, turned)
    assert again.records("rejected_records")[0]["rejection_id"] in names


def test_the_run_ends_saying_how_many_there_were(tap: Tap, sandbox: RunningSandbox) -> None:
    sandbox.fault("wrong_type", route="/v2/cursus", row=0)
    sandbox.fault("missing_field", route="/v2/cursus", row=3, column="slug")
    sandbox.fault("wrong_type", route="/v2/blocs", row=5)
    run = tap.pointed_at(sandbox).run("cursus", "blocs", "rejected_records")
    told = {row["stream"]: 0 for row in run.records("rejected_records")}
    for row in run.records("rejected_records"):
        told[row["stream"]] += 1
    assert told == {"cursus": 2, "blocs": 1}
    for stream, count in told.items():
        assert any(f"{stream}: {count} record" in line for line in run.warnings)
    assert len(run.records("cursus")) == len(sandbox.truth("cursus")) - 2
    assert len(run.records("blocs")) == len(sandbox.truth("blocs")) - 1


def test_the_reason_is_told_before_the_bookmark_passes_the_record(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    sandbox.fault("wrong_type", route="/v2/cursus/:id/users", row=0, count=1)
    run = tap.pointed_at(sandbox).run("users", "rejected_records")
    kinds = [
        (message["type"], message.get("stream"))
        for message in run.messages
        if message["type"] in {"RECORD", "STATE"}
    ]
    assert ("RECORD", "rejected_records") in kinds
    rejected = kinds.index(("RECORD", "rejected_records"))
    bookmarks = [
        number
        for number, message in enumerate(
            message for message in run.messages if message["type"] in {"RECORD", "STATE"}
        )
        if message["type"] == "STATE"
        and "replication_key_value" in message["value"]["bookmarks"].get("users", {})
    ]
    assert rejected < min(bookmarks)


def test_the_schema_of_the_rejected_comes_before_them(tap: Tap, api: ScriptedApi) -> None:
    run = run_with(tap, api, CURSUS | {"id": "21"})
    about = [m["type"] for m in run.messages if m.get("stream") == "rejected_records"]
    assert about.index("SCHEMA") < about.index("RECORD")


def test_a_clean_run_rejects_nothing(tap: Tap, sandbox: RunningSandbox) -> None:
    run = tap.pointed_at(sandbox).run("cursus", "users", "blocs", "rejected_records")
    assert run.records("rejected_records") == []
    assert not [line for line in run.warnings if "break" in line]


def test_a_run_without_the_stream_still_says_how_many_there_were(
    tap: Tap, api: ScriptedApi
) -> None:
    api.script["/v2/cursus"] = paged([CURSUS | {"id": "21"}, CURSUS])
    run = tap.pointed_at(api).fail("cursus")
    assert run.ids("cursus") == [21]
    assert run.records("rejected_records") == []
    (told,) = [line for line in run.warnings if "cursus: 1 record" in line]
    assert "They are in" not in told


def test_what_is_rejected_and_kept_nowhere_is_not_passed_by(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    sandbox.fault("wrong_type", route="/v2/cursus/:id/users", row=0)
    here = tap.pointed_at(sandbox, page_size=10)
    run = here.fail("users", "blocs")
    assert "select it" in run.last_word
    assert "replication_key_value" not in run.state["bookmarks"]["users"]
    assert run.ids("blocs") == sorted(row["id"] for row in sandbox.truth("blocs"))
    sandbox.clear_faults()
    again = here.run("users", state=run.state)
    assert {*again.ids("users")} >= {*run.ids("users")}
    assert len({*again.ids("users")}) > len({*run.ids("users")})


def test_a_stream_of_which_most_records_are_rejected_fails_alone(
    tap: Tap, api: ScriptedApi
) -> None:
    path = "/v2/cursus/21/users"
    instant = "2026-01-01T00:00:00.000Z"
    api.script["/v2/cursus"] = paged([CURSUS, CURSUS | {"id": 22}])
    # Ids that became strings.
    api.script[path] = paged([{"id": str(n), "updated_at": instant} for n in range(1, 150)])
    api.script["/v2/blocs"] = paged([{"id": 1, "squads": 3}, {"id": 2, "squads": 4}])
    here = tap.pointed_at(api, max_requests=50)
    run = here.fail("cursus", "users", "blocs", *OWN)
    assert run.ids("cursus") == [21, 22]
    assert "records break the schema" in run.last_word
    (ledger,) = run.records("sync_runs")
    assert ledger["outcome"] == "failed"
    assert ledger["failed_streams"] == ["blocs", "users"]
    state = run.state["bookmarks"]
    assert not {"replication_key_value", "read_until", "from_scratch"} & state["users"].keys()
    assert "refreshed_at" not in state.get("blocs", {})
    assert "refreshed_at" in state["cursus"]


def test_what_a_rejected_person_is_called_is_not_in_the_log(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    for column in ("wallet", "login", "email", "updated_at", "staff?"):
        sandbox.fault("wrong_type", route="/v2/cursus/:id/users", column=column)
    sandbox.fault("missing_field", route="/v2/cursus/:id/users", column="kind", row=1)
    run = tap.pointed_at(sandbox).run("users", "rejected_records")
    bodies = [row["body"] for row in run.records("rejected_records")]
    assert len(bodies) == 2
    reasons = json.dumps([row["reason"] for row in run.records("rejected_records")])
    for body in bodies:
        for name in ("first_name", "last_name", "displayname", "url"):
            assert body[name] not in run.log
            assert body[name] not in reasons
        address = json.dumps(body["email"])[1:-1]
        assert address not in run.log + reasons
