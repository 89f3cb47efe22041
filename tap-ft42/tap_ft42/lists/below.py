"""The children of rows that the run has not read itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tap_ft42.declared.contexts import Context, key_of
from tap_ft42.declared.events import Events
from tap_ft42.declared.listing import ID
from tap_ft42.lists.hidden import HiddenParents
from tap_ft42.lists.list_sync import ListSync
from tap_ft42.lists.turns import remembered
from tap_ft42.run.lifecycle import PARTIAL_FAILURES


def children_of_unread_rows(
    above: ListSync, context: Context | None
) -> Iterator[tuple[str, Context]]:
    """Yield the children of rows that the run has not read itself.

    These are the rows of the last full read, if no full read is due now or if it failed, and
    the rows that 42 does not list.

    Yields:
        The name of a child list, and the context in which it is read.
    """
    for name, parents in _known(above, context).items():
        for parent in parents:
            yield name, parent
    for child in () if above.run.is_dry_run else above.wanted_children:
        if child.hidden_parents is not None:
            for parent in _hidden_above(above, child, child.hidden_parents):
                yield child.listing.name, parent


def _known(above: ListSync, context: Context | None) -> Mapping[str, Sequence[Context]]:
    """Return by child list the contexts below rows that are known without the list."""
    started, run = above.started, above.run
    if started.is_due(context) is False:
        return started.remembered
    is_unreadable = above.has_failed or above.list.is_unreadable or above.awaited.are_any
    if not is_unreadable or run.is_dry_run or run.lifecycle.ends_early:
        return {}
    return _begin_below_unreadable(above)


def _begin_below_unreadable(above: ListSync) -> Mapping[str, Sequence[Context]]:
    """Start the children of known rows, as the list itself cannot be read.

    Rows are known if an earlier run read their children, if the settings name them, or if 42
    cannot show them, but tells their ids.

    Returns:
        By child list: the contexts that this run had not started yet.
    """
    own = above.list
    left: dict[str, Sequence[Context]] = {}
    named = above.run.scope.campus_ids if above.listing.is_campus else ()
    for child in above.wanted_children:
        known: list[Context] = []
        if above.listing.is_reference:
            known += remembered(own, child.list)
        for number in (*named, *above.awaited.ids):
            known += own.contexts_below({ID: number})
        contexts = {key_of(context): context for context in known}.values()
        name = child.listing.name
        left[name] = [one for one in contexts if not child.started.has_begun(one)]
        if own.is_unreadable and not left[name]:
            continue
        Events(name).warning(
            "the list of its parents cannot be read. %d of them are known already, "
            "and it is read below these.",
            len(left[name]),
            happened="parents_unlisted",
            parents=len(left[name]),
        )
    above.started.begin_known_children(left, next(above.started.places_behind))
    return left


def _hidden_above(above: ListSync, child: ListSync, hidden: HiddenParents) -> Iterator[Context]:
    """Yield the hidden parents whose children are not started yet."""
    run, name = above.run, child.listing.name
    yield from _begun(above, child, hidden.contexts)
    is_due = above.list.listed_ids is not None or hidden.are_never_sought
    # If the child list has failed completely, the next run searches.
    if run.lifecycle.ends_early or child.has_failed_throughout:
        return
    if run.scope.campus_ids or not is_due:
        return
    try:
        hidden.seek()
    except PARTIAL_FAILURES as failure:
        if not run.lifecycle.fails_alone(name, failure):
            raise
    for part, refusal in hidden.refusals.items():
        run.lifecycle.fails_alone(name, refusal, part)
    yield from _begun(above, child, hidden.contexts)


def _begun(above: ListSync, child: ListSync, parents: Sequence[Context]) -> Sequence[Context]:
    """Start the children of parents that no page shows; return these parents."""
    others = [context for context in parents if not child.started.has_begun(context)]
    child.started.begin_below(list(zip(others, above.started.places_behind, strict=False)))
    return others
