"""Coalitions and their members: a list that 42 has below each parent, and over all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.tap.pretended import Pretended, Row, dated, record_of
from tests.tap.scripted import paged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.tap.scripted import ScriptedApi


def member(number: int, coalition: int) -> Row:
    return dated("coalitions_users", number, coalition_id=coalition)


def coalition(number: int) -> Row:
    return record_of("coalitions", id=number, score=3)


def houses_of(api: ScriptedApi, coalitions: Iterable[int]) -> Pretended:
    """Some coalitions with three members each."""
    members = {own: [member(10 * own + one, own) for one in range(3)] for own in coalitions}
    for own, rows in members.items():
        api.script[f"/v2/coalitions/{own}/coalitions_users"] = Pretended(rows)
    api.script["/v2/coalitions"] = paged([coalition(own) for own in members])
    everybody = Pretended([row for rows in members.values() for row in rows])
    api.script["/v2/coalitions_users"] = everybody
    return everybody
