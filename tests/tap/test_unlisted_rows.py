"""A reference list that 42 cuts in silence is told of, where rows of other lists show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.tap.pretended import Pretended, Row, record_of

if TYPE_CHECKING:
    from tests.tap.running import Tap
    from tests.tap.scripted import ScriptedApi


def bloc(number: int, *coalitions: int) -> Row:
    held = [{"id": coalition, "name": "House"} for coalition in coalitions]
    return record_of("blocs", id=number, campus_id=1, cursus_id=20 + number, coalitions=held)


BLOCS = [bloc(1, 5, 6), bloc(2, 7), bloc(3, 8, 9)]
CURSUS = [record_of("cursus", id=number) for number in (21, 22, 23)]
COALITIONS = [record_of("coalitions", id=number, score=3) for number in (5, 6, 7, 8, 9)]


def told(tap: Tap, api: ScriptedApi, **cut: list[Row]) -> list[str]:
    lists = {"cursus": CURSUS, "blocs": BLOCS, "coalitions": COALITIONS, **cut}
    for name, rows in lists.items():
        api.script[f"/v2/{name}"] = Pretended(rows)
    run = tap.pointed_at(api).run(*lists)
    return [line.rpartition("| ")[2] for line in run.warnings if "does not list" in line]


def test_nothing_is_told_of_lists_that_fit(tap: Tap, api: ScriptedApi) -> None:
    assert told(tap, api) == []


def test_a_cursus_that_only_a_bloc_names_is_told_of(tap: Tap, api: ScriptedApi) -> None:
    (line,) = told(tap, api, cursus=CURSUS[:2])
    assert "cursus: 42 does not list 23, which rows of blocs name" in line


def test_a_coalition_that_only_a_bloc_holds_is_told_of(tap: Tap, api: ScriptedApi) -> None:
    (line,) = told(tap, api, coalitions=COALITIONS[2:])
    assert "coalitions: 42 does not list 5, 6, which rows of blocs name" in line


def test_a_coalition_that_no_bloc_holds_is_told_of(tap: Tap, api: ScriptedApi) -> None:
    (line,) = told(tap, api, blocs=BLOCS[:1])
    assert "blocs: 42 lists none that holds coalitions 7, 8, 9" in line
