"""The API's handlers: lists, graphs, single rows, and routes that refuse everybody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from starlette.requests import Request

from ft42_sandbox import answer as answers
from ft42_sandbox.answer import Answer
from ft42_sandbox.app_url import base_url
from ft42_sandbox.graphs import PERIODS, counts
from ft42_sandbox.latency import GRAPH
from ft42_sandbox.paging import page_headers, wanted_page
from ft42_sandbox.query import Query, QueryError, TooManyValuesError, parse
from ft42_sandbox.resources import (
    FORBIDDEN,
    FORBIDDEN_ROWS,
    LISTINGS,
    SINGLES,
    find_row,
)

if TYPE_CHECKING:
    from ft42_sandbox.endpoint import Listing, Single
    from ft42_sandbox.likeness import Differences
    from ft42_sandbox.sandbox import Sandbox
    from ft42_sandbox.store import Positions

# An answer, the name of its latency profile, and how many rows it carries.
Outcome = tuple[Answer, str, int]
Handler = Callable[[Request], Outcome]
# An unstable order changes after so many pages, as a database changes its plan with OFFSET.
PAGES_PER_PLAN = 3
# The path of a list's graphs, below that of the list.
BELOW = "/graph/on/:field/by/:interval"


def handlers(sandbox: Sandbox) -> Iterator[tuple[str, Handler]]:
    """Every route's pattern and handler; the last one is `other`, for unknown routes."""
    for pattern in FORBIDDEN:
        yield pattern, lambda _request: (answers.access_denied(), "refused", 0)
    yield "/v2/me", lambda _request: (answers.not_found(), "refused", 0)
    yield "/oauth/token/info", token_info(sandbox)
    for listing in LISTINGS:
        yield listing.path, list_handler(sandbox, listing)
        if listing.graphed:
            yield f"{listing.path}{BELOW}", graph_handler(sandbox, listing)
    for single in SINGLES:
        yield single.path, single_handler(sandbox, single)
    yield "other", lambda _request: (answers.not_found(), "refused", 0)


def list_handler(sandbox: Sandbox, listing: Listing) -> Handler:
    """The handler of a route that lists rows."""
    table = listing.model.table
    differences = sandbox.likeness.differences(listing, LISTINGS)
    profile = listing.path if differences.seconds else listing.latency or table

    def handle(request: Request) -> Outcome:
        query = parse(request.url.query)
        refusal = differences.refusal(query)
        if refusal is not None:
            return refusal, "refused", 0
        if sandbox.behaviour.life == "requests":
            sandbox.life.live(
                sandbox.behaviour.life_seconds_per_request,
                events=sandbox.behaviour.life_events_per_request or None,
            )
        wanted = wanted_page(query)
        shuffle = wanted.number // PAGES_PER_PLAN + 1 if sandbox.behaviour.unstable_ties else 0
        found = _found(sandbox, listing, differences, request, query, shuffle)
        if isinstance(found, Answer):
            return found, "refused", 0
        page = differences.page(query, len(found))
        rows = found[page.offset : page.offset + page.size]
        again = request.scope.get("ft42.struck", {}).get("duplicate_row")
        if again and page.number > 1 and page.offset <= len(found):
            rows = np.concatenate([found[page.offset - 1 : page.offset], rows])
            rows = rows[:-1] if again.lose else rows
        answer = Answer(200, sandbox.renderer.page(table, rows))
        total = differences.total(len(found))
        if differences.is_paged:
            answer.headers |= page_headers(
                # The headers repeat the size that was asked for, not that of the page.
                wanted,
                len(found) if total is None else total,
                base_url(request) + request.url.path,
                query,
                with_total=total is not None and listing.path not in sandbox.behaviour.no_total,
            )
        return answer, profile, len(rows)

    return handle


def _found(  # noqa: PLR0913, PLR0917 - what the rows of a request follow from
    sandbox: Sandbox,
    listing: Listing,
    differences: Differences,
    request: Request,
    query: Query,
    shuffle: int = 0,
) -> Positions | Answer:
    """The rows that a request asks for, or the answer that refuses them."""
    parent_id = None
    if listing.parent:
        parents = sandbox.store[listing.parent]
        parent = find_row(sandbox.store, listing.parent, request.path_params["id"])
        if parent is None:
            return answers.not_found()
        parent_id = int(parents.array("id")[parent])
    try:
        meant = differences.understood(query)
        return sandbox.search.rows(listing, parent_id, meant, sandbox.clock.now(), shuffle)
    except QueryError as error:
        return answers.bad_request(error.error, str(error))
    except TooManyValuesError:
        return answers.html_error(502, "Bad Gateway")


def graph_handler(sandbox: Sandbox, listing: Listing) -> Handler:
    """The handler of a route that counts a list's rows by day or month."""
    differences = sandbox.likeness.differences(listing, LISTINGS)

    def handle(request: Request) -> Outcome:
        behaviour, field = sandbox.behaviour, request.path_params["field"]
        interval = request.path_params["interval"]
        if behaviour.graphs == "refused":
            return answers.access_denied(), "refused", 0
        if behaviour.graphs == "missing" or interval not in PERIODS:
            return answers.not_found(), "refused", 0
        if field not in listing.graphed:
            return answers.graph_error(field, listing.graphed), "refused", 0
        query = parse(request.url.query)
        if not behaviour.graph_heeds_filters:
            query = Query()
        found = _found(sandbox, listing, differences, request, query)
        if isinstance(found, Answer):
            return found, "refused", 0
        column = sandbox.store[listing.model.table].columns[field]
        instants = column.array[found][~column.is_null()[found]]
        periods = counts(
            instants,
            interval,
            sandbox.clock.now(),
            zone=behaviour.graph_zone,
            names_empty=behaviour.graph_names_empty_days,
        )
        answer = answers.json_answer(200, periods)
        answer.headers["X-Total"] = str(len(found))
        return answer, GRAPH, len(found)

    return handle


def single_handler(sandbox: Sandbox, single: Single) -> Handler:
    """The handler of a route that shows one row."""

    def handle(request: Request) -> Outcome:
        wanted = request.path_params["id"]
        if (single.table, wanted) in FORBIDDEN_ROWS:
            return answers.access_denied(), "refused", 0
        position = find_row(sandbox.store, single.table, wanted)
        if position is None:
            return answers.not_found(), "refused", 0
        return Answer(200, sandbox.renderer.one(single.form, position)), "one", 1

    return handle


def token_info(sandbox: Sandbox) -> Handler:
    """The handler of /oauth/token/info; the gate has let only valid tokens through."""

    def handle(request: Request) -> Outcome:
        value = request.headers.get("authorization", "")[7:].strip()
        owner = sandbox.tokens.owner(value or request.query_params.get("access_token", ""))
        if owner is None:
            return answers.unauthorized("The access token is invalid"), "refused", 0
        return answers.json_answer(200, sandbox.tokens.info(*owner)), "one", 1

    return handle
