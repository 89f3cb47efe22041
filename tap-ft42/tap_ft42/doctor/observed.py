"""What is observed of a route: its answers, and what the tap concludes from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from tap_ft42.api.errors import REFUSALS, status_of
from tap_ft42.api.page import Page
from tap_ft42.declared.capabilities import Capabilities
from tap_ft42.reading.facts import RouteFacts

_SHOWN = ("bounds", "is_paged", "longest_list", "page_size", "sorts_by_several", "totals")
"""Capabilities that the sandbox can imitate directly; the others follow from parameters."""


@dataclass(frozen=True)
class Answer:
    """An answer of the API, without its rows."""

    status: int
    query: Mapping[str, str]
    """The parameters that were asked for."""
    headers: Mapping[str, str]

    @classmethod
    def of(cls, response: requests.Response) -> Answer:
        """Keep what a response shows, but no row."""
        query = dict(parse_qsl(urlsplit(response.url).query))
        return cls(response.status_code, query, response.headers)

    @property
    def is_good(self) -> bool:
        """Whether the API did not refuse the request."""
        return self.status == HTTPStatus.OK

    def heard(self, parameter: str) -> bool:
        """Tell whether the request had a parameter, such as ``range[id]`` or ``sort=id``."""
        name, _, column = parameter.partition("=")
        sorts = [one.removeprefix("-") for one in self.query.get(name, "").split(",")]
        return name in self.query and (not column or column in sorts)


@dataclass
class ObservedRoute:
    """What was observed of one route."""

    stream: str
    route: str
    is_wanted: bool
    """Whether a run would read it."""
    assumed: Capabilities
    facts: RouteFacts
    """What the tap's own looks found out."""
    answers: Sequence[Answer]
    """All answers of the route so far."""
    head: Page | None = None
    """The first page; None if the route cannot be read."""
    fields: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The shape of its records; see `tap_ft42.doctor.shapes`."""
    total_at_most: int | None = None
    """The total at which the API stops counting; None if it counts all."""
    is_numbered: bool = True
    """Whether the API heeds the number of a page."""
    is_examined: bool = False
    """Whether more was tested than whether it may be read."""
    failure: Exception | None = None
    """Why the test ended early; None if it did not."""

    @property
    def can(self) -> Capabilities:
        """What it can do: as assumed, corrected by what answers show."""
        return self.facts.can

    @property
    def status(self) -> int | None:
        """The status of the answer that ended the test; None if no answer came."""
        return HTTPStatus.OK if self.failure is None else status_of(self.failure)

    def ids_of(self, column: str) -> list[int]:
        """Return the ids that a column of the first page holds, each once."""
        rows = self.head.records() if self.head is not None else []
        ids = (row.get(column) for row in rows if isinstance(row, dict))
        return [*dict.fromkeys(number for number in ids if type(number) is int)]

    @property
    def seconds(self) -> float:
        """How long its first page took; 0 if it has none."""
        return self.head.answered - self.head.sent if self.head is not None else 0.0

    @property
    def is_denied(self) -> bool:
        """Whether the API refuses the whole route to this application."""
        return self.head is None and self.status in REFUSALS

    def is_refused(self, parameter: str) -> bool:
        """Tell whether the API has refused each request with a parameter."""
        return not any(one.is_good and one.heard(parameter) for one in self.answers)

    @property
    def differs(self) -> dict[str, Any]:
        """How the API differs from what is assumed; the sandbox can imitate it."""
        can, assumed = self.can, self.assumed
        seen = {name: getattr(can, name) for name in _SHOWN}
        differs = {name: is_ for name, is_ in seen.items() if is_ != getattr(assumed, name)}
        useless = [
            *(f"range[{column}]" for column in assumed.ranges if column not in can.ranges),
            *(f"sort={column}" for column in assumed.sorts if column not in can.sorts),
            *can.ignored_filters,
        ]
        beyond: dict[str, Any] = {
            "beyond_page": "page_size" in differs
            and self._status_if(lambda query: int(query["page[size]"]) > can.page_size),
            "beyond_list": "longest_list" in differs
            and self._status_if(lambda query: _longest_list(query) > can.longest_list),
            "total_at_most": self.total_at_most,
            "refused": sorted(filter(self.is_refused, useless)),
            "ignored": sorted(one for one in useless if not self.is_refused(one)),
        }
        return differs | {name: known for name, known in beyond.items() if known}

    def _status_if(self, is_asked: Callable[[Mapping[str, str]], bool]) -> int | None:
        """Return the status of refused requests of a kind; None if the API answers them."""
        statuses = [one.status for one in self.answers if is_asked(one.query)]
        if HTTPStatus.OK in statuses:
            return None
        return next(iter(statuses), HTTPStatus.GATEWAY_TIMEOUT.value)


def _longest_list(query: Mapping[str, str]) -> int:
    lists = (text for name, text in query.items() if name.startswith("filter["))
    return max((text.count(",") + 1 for text in lists), default=0)
