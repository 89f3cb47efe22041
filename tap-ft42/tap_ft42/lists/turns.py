"""The order in which a run reads lists, and parts of them, if its budget does not suffice.

What has waited longest comes first. A list that people use much has a greater weight, and
counts as waiting longer. After its turn, a list goes to the end of the queue even if it is not
complete. So a first load of many runs does not delay the other lists, and no list waits for
ever.

The state of a stream or partition holds ``served_at``: when the run began that last spent a
request on it. Pages that an earlier run left on disk do not count as a turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tap_ft42.api.page import Page
from tap_ft42.declared.contexts import Context, parent_of
from tap_ft42.declared.instants import from_milliseconds
from tap_ft42.declared.listing import ID
from tap_ft42.planning.bookmarks import last_served
from tap_ft42.planning.plan import PlannedRead
from tap_ft42.run.list_in_run import ListInRun


def need(above: ListInRun, now: int) -> int:
    """Return how urgent it is to read a list or one of its children.

    That is the greatest product of waiting time and weight; all times are in milliseconds.
    """
    return max(
        (now - _last_turn(one)) * one.listing.weight for one in (above, *above.wanted_children)
    )


def _last_turn(of: ListInRun) -> int:
    """Return when a list, or its partition that waits longest, last had its turn."""
    parts = [last_served(state) for whole in of.wholes for state in of.states_within(whole)]
    return max(last_served(of.output.stream_state), min(parts, default=0))


def note_turn(of: ListInRun, read: PlannedRead, page: Page) -> None:
    """Note that partitions had their turn, if this run has asked for a page of them."""
    run = of.run
    if run.budget.is_bounded and page.answered * 1000 >= run.began:
        served_at = from_milliseconds(run.began)
        for state in (of.output.stream_state, *(one.state for one in read.partitions)):
            state["served_at"] = served_at


def remembered(above: ListInRun, child: ListInRun) -> Iterator[Context]:
    """Yield the contexts of a child below the rows that the last full read found in scope."""
    turns = _turns([child])
    for parent_id in sorted(turns, key=turns.__getitem__):
        yield from above.contexts_below({ID: parent_id})


def sort_by_turn(above: ListInRun, records: list[Any]) -> None:
    """Sort records of a list by how long their children have waited."""
    turns = _turns(above.wanted_children)
    records.sort(
        key=lambda record: turns.get(record.get(ID) or 0, 0) if isinstance(record, dict) else 0
    )


def _turns(children: Iterable[ListInRun]) -> dict[int, int]:
    """Return when each parent's children were last served: the child that waits longest."""
    turns: dict[int, int] = {}
    for child in children:
        for whole in child.wholes:
            for partition in child.states_within(whole):
                parent, turn = parent_of(partition["context"]), last_served(partition)
                turns[parent] = min(turn, turns.get(parent, turn))
    return turns
