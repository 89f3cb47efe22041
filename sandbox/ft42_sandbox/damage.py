"""Applies faults to an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from ft42_sandbox import answer as answers
from ft42_sandbox.faults import ERRORS, Rule

if TYPE_CHECKING:
    from ft42_sandbox.answer import Answer

Struck = dict[str, Rule]
TITLES = {
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
}
_REFUSALS = {
    "cloudflare": answers.challenge,
    "forbidden": answers.access_denied,
    "missing": answers.not_found,
}


def replaced(struck: Struck, *, retry_after: bool) -> Answer | None:
    """The answer that replaces the right one, if a fault demands that."""
    kind = next((kind for kind in ERRORS if kind in struck), None)
    if kind is None:
        return None
    if kind == "html":
        page = answers.html_error(200, "We will be back soon")
        page.reason = "HTML with status 200"
        return page
    if kind in _REFUSALS:
        return _REFUSALS[kind]()
    if kind == "429":
        return answers.too_many_requests(1, retry_after=retry_after)
    if kind == "500_sql":
        message = (
            "PG::QueryCanceled: ERROR:  canceling statement due to statement timeout\n: SELECT"
        )
        return answers.json_answer(500, {"status": 500, "error": message}, message)
    status = int(kind)
    return answers.html_error(status, TITLES[status])


def damaged(found: Answer, struck: Struck) -> None:
    """Spoil the content of a right answer, in place."""
    if "no_total" in struck:
        found.headers.pop("X-Total", None)
    rules = [struck[k] for k in ("extra_field", "missing_field", "wrong_type") if k in struck]
    if not rules or found.status != 200:
        return
    content = orjson.loads(found.body)
    rows = content if isinstance(content, list) else [content]
    for rule in rules:
        if rule.row < len(rows):
            _spoil(rows[rule.row], rule)
    found.body = orjson.dumps(content)


def _spoil(row: dict[str, Any], rule: Rule) -> None:
    if rule.kind == "extra_field":
        row[rule.column or "surprise"] = {"since": "today", "of": [1, 2]}
    elif rule.kind == "missing_field":
        row.pop(rule.column or list(row)[-1], None)
    else:
        column = rule.column or "id"
        value = row.get(column)
        row[column] = str(value) if isinstance(value, int) else {"was": value}
