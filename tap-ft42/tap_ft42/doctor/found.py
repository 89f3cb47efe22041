"""What is found out of a route, and who may read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_ft42.declared.capabilities import Capabilities
from tap_ft42.doctor.asking import Answer

if TYPE_CHECKING:
    from datetime import date

    from tap_ft42.declared.contexts import Context
    from tap_ft42.declared.listing import Listing
    from tap_ft42.doctor.asking import Asker


@dataclass
class Found:
    """What was found out of one route."""

    stream: str
    route: str
    is_wanted: bool
    """Whether a run would read it."""
    assumed: Capabilities
    can: Capabilities
    answer: Answer = field(default_factory=lambda: Answer(0))
    """To the first request that tells anything."""
    differs: dict[str, Any] = field(default_factory=dict)
    """What the API does not do as documented; a sandbox can do the same."""
    fields: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What its records look like."""
    is_numbered: bool = True
    """Whether the number of a page counts."""
    is_examined: bool = False
    """Whether more was asked than who may read it."""

    def refuse(self, parameter: str, *, is_refused: bool = True) -> None:
        """Note that a parameter is refused, or does nothing."""
        kind = "refused" if is_refused else "ignored"
        self.differs[kind] = sorted({*self.differs.get(kind, ()), parameter})


def access(  # noqa: PLR0913 - what a request is made of
    listing: Listing,
    asker: Asker,
    *,
    path: str,
    context: Context | None,
    is_wanted: bool,
    today: date,
) -> Found:
    """Find out only whether the application may read a route."""
    assumed = Capabilities.of(listing)
    answer = asker.ask(path, context, {"page[number]": 1, "page[size]": 1})
    seen = {"is_allowed": False} if answer.is_denied else {}
    can = assumed.corrected(today, **seen)
    return Found(listing.name, path, is_wanted, assumed, can, answer)
