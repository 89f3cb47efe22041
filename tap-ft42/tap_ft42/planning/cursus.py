"""The cursus that a run reads, and where the state keeps the bookmark of each.

A stream that is read cursus by cursus has a bookmark for each cursus. If the settings name one
cursus, its bookmark is the stream's own, and only parents name the partitions. If the settings
name several, the names of the SDK's partitions include the cursus. The partition that is named
by the cursus alone then keeps what concerns all rows of the cursus.

`arrange` brings the state into the form that fits the settings. So a cursus that stays in the
settings continues, a new one is read from scratch, and one that was removed and added again
continues where it stopped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tap_ft42.declared.capabilities import STATE_KEY
from tap_ft42.declared.contexts import CURSUS
from tap_ft42.planning.hidden import HIDDEN

MAIN = 21
"""The main curriculum, which is read if no setting names another one."""

_OF_STREAM = {"served_at", "announced", STATE_KEY, HIDDEN}
"""Keys that always stand in the state of the stream itself; see `tap_ft42.lists.turns`,
`tap_ft42.singer.announced`, `tap_ft42.declared.capabilities` and `tap_ft42.lists.hidden`."""


def cursus_ids(settings: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the cursus that the settings name, each once, ascending."""
    named = settings.get("cursus_ids") or [settings.get("cursus_id", MAIN)]
    return tuple(sorted(set(named)))


def refusal(settings: Mapping[str, Any]) -> str | None:
    """Say why the two settings contradict each other; None if they do not."""
    short, ids = settings.get("cursus_id"), settings.get("cursus_ids")
    if short is None or not ids or set(ids) == {short}:
        return None
    return (
        f"cursus_id is {short}, and cursus_ids is {sorted(set(ids))}. The first is short for "
        "a list of one: set one of the two"
    )


def arrange(state: dict[str, Any], ids: Sequence[int]) -> None:
    """Bring the state, in place, into the form for a run of some cursus."""
    only = ids[0] if len(ids) == 1 else None
    known: dict[tuple[tuple[str, int], ...], dict[str, Any]] = {}
    for context, part in _parts(state, otherwise=only or MAIN):
        known.setdefault(tuple(sorted(context.items())), part)
    of_all = {name: state[name] for name in _OF_STREAM if name in state}
    state.clear()
    state |= of_all
    for names, part in known.items():
        context = {name: value for name, value in names if (name, value) != (CURSUS, only)}
        if context:
            state.setdefault("partitions", []).append({"context": context, **part})
        else:
            state.update(part)


def _parts(
    state: Mapping[str, Any], otherwise: int
) -> Iterator[tuple[dict[str, int], dict[str, Any]]]:
    """Yield the parts of a state, each with a context that names its cursus."""
    whole = {name: value for name, value in state.items() if name != "partitions"}
    partitions: Sequence[Mapping[str, Any]] = state.get("partitions") or ()
    unnamed = (part for part in (whole, *partitions) if CURSUS not in part.get("context", ()))
    home = next(filter(None, map(_cursus_read, unnamed)), otherwise)
    for partition in partitions:
        part = dict(partition)
        context = {CURSUS: _cursus_read(part) or home, **part.pop("context")}
        yield context, part
    if whole.keys() - _OF_STREAM:
        yield {CURSUS: home}, whole


def _cursus_read(state: Mapping[str, Any]) -> int | None:
    """Return the cursus for which a part of a state was read, if it says so."""
    scope: Mapping[str, Any] = state.get("scope") or {}
    return scope.get(CURSUS)
