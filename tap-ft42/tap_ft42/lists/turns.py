"""The order in which the children of a list are read: those that waited longest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_ft42.declared.contexts import parent_of
from tap_ft42.declared.listing import ID
from tap_ft42.planning.priorities import last_served

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_ft42.declared.contexts import Context
    from tap_ft42.run.partitions import Partitions


def remembered(above: Partitions, child: Partitions) -> Iterator[Context]:
    """Yield the contexts of a child below the rows that the last full read found in scope."""
    turns = _turns([child])
    for parent_id in sorted(turns, key=turns.__getitem__):
        yield from above.contexts_below({ID: parent_id})


def sort_by_turn(above: Partitions, records: list[Any]) -> None:
    """Sort records of a list by how long their children have waited."""
    turns = _turns(above.wanted_children)
    records.sort(
        key=lambda record: turns.get(record.get(ID) or 0, 0) if isinstance(record, dict) else 0
    )


def _turns(children: Iterable[Partitions]) -> dict[int, int]:
    """Return when each parent's children were last served: the child that waits longest."""
    turns: dict[int, int] = {}
    for child in children:
        for whole in child.lists:
            for partition in child.states_within(whole):
                parent, turn = parent_of(partition["context"]), last_served(partition)
                turns[parent] = min(turn, turns.get(parent, turn))
    return turns
