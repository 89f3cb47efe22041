"""What hangs on parents that 42 does not list.

42 lists only campuses that are active and public, and has enrolments at others, too. So
once a month it is asked how many rows there are in all, and how many below the parents that
it lists. Where the two differ, the parents of the rest are looked for among the ids that it
does not list, half by half, and read like the others.

In the state of the stream of parents stand, below ``unlisted``:

``ids``
    Parents that are not listed and have rows.
``asked_at``
    When they were looked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_ft42.declared.instants import from_milliseconds, milliseconds
from tap_ft42.declared.listing import LARGEST
from tap_ft42.reading.pipeline import NOW
from tap_ft42.reading.source import ONE, first_page

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from tap_ft42.declared.contexts import Context
    from tap_ft42.run.partitions import Partitions

_STATE = "unlisted"
_MONTH = 30 * 24 * 3_600_000


def known_leftover(parents: Partitions) -> list[int]:
    """Return the parents that are not listed, as far as is known."""
    ids: list[int] = parents.output.stream_state.get(_STATE, {}).get("ids", [])
    return [own for own in ids if parents.run.scope.has_campus(own)]


def find_leftover(parents: Partitions, listed: Collection[int]) -> None:
    """Look for parents that are not listed, once a month.

    Args:
        parents: The list of parents, which has just been read in full.
        listed: The ids that it has.

    Raises:
        RunEnds: The run has to end.
        FatalAPIError: The API refuses a request.
        RetriableAPIError: Too many tries of one request failed.
        requests.RequestException: The API did not answer.
    """
    run, state = parents.run, parents.output.stream_state
    asked_at = milliseconds(state.get(_STATE, {}).get("asked_at")) or 0
    if not listed or run.scope.campus_ids or run.began - asked_at < _MONTH:
        return
    children = [child for child in parents.wanted_children if is_narrowed(child)]
    found = {
        own for child in children for whole in child.lists for own in _of(child, whole, listed)
    }
    if not children:
        return
    state[_STATE] = {"ids": sorted(found), "asked_at": from_milliseconds(run.began)}
    if found:
        parents.logger.warning(
            "%s: 42 does not list %s, which have rows all the same. They are read, too.",
            parents.listing.name,
            ", ".join(map(str, sorted(found))),
            extra={"happened": "parents_not_listed", "ids": sorted(found)},
        )


def is_narrowed(child: Partitions) -> bool:
    """Tell whether the same parameter names one parent, several or, left out, all."""
    return child.listing.is_filtered_by_parent and child.listing.parent_filter is not None


def _of(child: Partitions, whole: Context | None, listed: Collection[int]) -> Iterator[int]:
    """Yield the parents of a list that are not among the listed ones."""
    longest, known = child.fit_of_sweeps.can.longest_list, sorted(listed)
    below = sum(
        _total(child, whole, known[first : first + longest])
        for first in range(0, len(known), longest)
    )
    if _total(child, whole, None) <= below:
        return
    others = [own for own in range(1, max(listed) + LARGEST) if own not in listed]
    for first in range(0, len(others), longest):
        yield from _with_rows(child, whole, others[first : first + longest])


def _with_rows(child: Partitions, whole: Context | None, ids: Sequence[int]) -> Iterator[int]:
    """Yield those of some parents that have rows."""
    if not _total(child, whole, ids):
        return
    if len(ids) == 1:
        yield from ids
        return
    middle = len(ids) // 2
    yield from _with_rows(child, whole, ids[:middle])
    yield from _with_rows(child, whole, ids[middle:])


def _total(child: Partitions, whole: Context | None, ids: Sequence[int] | None) -> int:
    """Return how many rows parents have; all of them where none is named."""
    named = ",".join(map(str, ids)) if ids else None
    query: dict[str, Any] = {**child.query(whole), child.listing.parent_filter or "": named}
    source = child.reader.source(whole, query, path=child.whole_path, size=ONE)
    reading = child.reader.begin(NOW, source, first_page, is_divided=False)
    page = child.reader.one_of(reading)
    return page.count if page.total is None else page.total
