"""Which rows a load must bring, by the sandbox's own account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.benchmarks.endpoints import ENDPOINTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ft42_sandbox.testing import RunningSandbox

# Tables of the API, by stream, where the names differ.
_TABLES = {"campuses": "campus"}

Ids = dict[str, set[int]]


def of(sandbox: RunningSandbox, streams: Sequence[str]) -> Ids:
    """Return the ids that the lists of some streams show at this moment.

    Enrolments and memberships count if their campus or coalition is listed.

    Args:
        sandbox: What to ask.
        streams: Names of streams; a parent comes with its children.
    """
    ids = {
        endpoint.name: _listed(sandbox, endpoint.path, endpoint.params)
        for endpoint in ENDPOINTS
        if endpoint.parent is None and endpoint.name in streams
    }
    for endpoint in ENDPOINTS:
        if endpoint.parent is None or endpoint.name not in streams:
            continue
        found = (
            _listed(
                sandbox,
                endpoint.path.replace("{id}", str(parent)),
                {
                    **endpoint.params,
                    **({endpoint.parent_param: str(parent)} if endpoint.parent_param else {}),
                },
            )
            for parent in ids[endpoint.parent]
        )
        ids[endpoint.name] = set().union(*found)
    return ids


def steady(sandbox: RunningSandbox, before: Ids) -> Ids:
    """Return the ids that were there before, are still there, and of which nothing moved.

    Args:
        sandbox: Where life went on.
        before: What `of` said when it began to.
    """
    now = of(sandbox, list(before))
    moved: Ids = {}
    for change in sandbox.changes():
        moved.setdefault(change["table"], set()).add(change["id"])
    return {
        stream: (ids & now[stream]) - moved.get(_TABLES.get(stream, stream), set())
        for stream, ids in before.items()
    }


def _listed(sandbox: RunningSandbox, path: str, params: dict[str, str]) -> set[int]:
    query = "&".join(f"{name}={value}" for name, value in params.items())
    rows = sandbox.truth_of(f"{path}?{query}" if query else path, columns="id")
    return {row["id"] for row in rows}
