"""Rows are written by templates, not by an encoder: what they make is JSON all the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import numpy as np
import orjson
import pytest
from ft42_sandbox.columns import NULL_INSTANT, Column, Kind
from ft42_sandbox.generate import generate
from ft42_sandbox.instants import from_datetime, json_texts, local_json_texts, texts, to_text
from ft42_sandbox.render.tokens import column_tokens
from ft42_sandbox.renderer import Renderer
from ft42_sandbox.settings import World
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

INSTANTS = st.datetimes(datetime(1970, 1, 2), datetime(2199, 12, 30)).map(  # noqa: DTZ001 - made UTC here
    lambda moment: from_datetime(moment.replace(tzinfo=UTC))
)
NASTY = "O'\"\\/\n\t\u0001é🦊ć"


@given(st.lists(INSTANTS, min_size=1))
def test_instants_are_written_as_python_writes_them(instants: list[int]) -> None:
    array = np.asarray([*instants, NULL_INSTANT])
    assert texts(array) == [*map(to_text, instants), None]
    assert orjson.loads(f"[{','.join(json_texts(array))}]") == texts(array)


@given(INSTANTS, st.sampled_from([-480, -180, 0, 60, 330, 540, 630]))
def test_local_instants_are_written_with_their_offset(instant: int, minutes: int) -> None:
    zone = timezone(timedelta(minutes=minutes))
    there = datetime.fromisoformat(to_text(instant)).astimezone(zone)
    written = local_json_texts(np.asarray([instant, NULL_INSTANT]), np.asarray([minutes, 0]))
    assert written == [f'"{there.isoformat(timespec="milliseconds")}"', "null"]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Kind.INT, [0, -42, 827_942_872, None]),
        (Kind.BOOL, [True, False, None]),
        (Kind.FLOAT, [0.0, 12.66, 2.5300000000000002, 1e-7, None]),
        (Kind.CHOICE, ["finished", NASTY, None, "finished"]),
        (Kind.TEXT, ["", NASTY, None]),
        (Kind.JSON, [[1, 2], [], None]),
    ],
)
def test_every_kind_of_value_becomes_json(kind: Kind, values: list[object]) -> None:
    column = Column(kind, values)
    assert (
        orjson.loads(f"[{','.join(map(str, column_tokens(column, column.array)))}]") == values
    )


def test_a_page_of_no_rows_is_an_empty_list_in_every_form() -> None:
    renderer = Renderer(generate(World(users=50, enrolments=100)))
    for form in renderer.forms:
        assert renderer.page(form, np.empty(0, dtype=np.int32)) == b"[]", form


def test_every_form_takes_rows_of_every_table_s_beginning_and_end() -> None:
    store = generate(World(users=50, enrolments=100))
    renderer = Renderer(store)
    for name, table in store.tables.items():
        for rows in (table.positions[:1], table.positions[-1:], table.positions):
            assert len(orjson.loads(renderer.page(name, rows))) == len(rows), name


@pytest.mark.slow
def test_nasty_texts_do_no_harm_wherever_a_user_is_named(mutable: RunningSandbox) -> None:
    enrolment = next(r for r in mutable.truth("projects_users") if len(r["teams"]) > 1)
    user = enrolment["user"]["id"]
    badge = mutable.insert("achievements_users", achievement_id=1, user_id=user)
    mutable.update("users", user, login=NASTY, first_name=NASTY)
    row = mutable.get(f"/v2/projects_users/{enrolment['id']}").json()
    assert (row["user"]["login"], row["user"]["first_name"]) == (NASTY, NASTY)
    members = [member for team in row["teams"] for member in team["users"]]
    assert NASTY in {member["login"] for member in members}
    assert mutable.get(f"/v2/achievements_users/{badge}").json()["login"] == NASTY
    assert mutable.get(f"/v2/users/{user}").json()["url"].endswith(NASTY)
    assert {row["id"] for row in mutable.truth("projects_users")} >= {enrolment["id"]}
