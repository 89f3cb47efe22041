"""What the doctor observes of a route."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_ft42.doctor.asking import Answer

if TYPE_CHECKING:
    from datetime import date

    from tap_ft42.declared.capabilities import Capabilities


_SHOWN = ("bounds", "is_paged", "longest_list", "page_size", "sorts_by_several", "totals")
"""Capabilities that the sandbox can imitate directly; the others follow from parameters."""


@dataclass
class ObservedRoute:
    """What was observed of one route."""

    stream: str
    route: str
    is_wanted: bool
    """Whether a run would read it."""
    assumed: Capabilities
    today: date
    can: Capabilities = field(init=False)
    """What it can do: as assumed, corrected by what answers show."""
    answer: Answer = field(default_factory=lambda: Answer(0))
    """The first answer that shows rows, or why there are none."""
    refused: set[str] = field(default_factory=set)
    """Parameters that the API answers with an error."""
    ignored: set[str] = field(default_factory=set)
    """Parameters that change nothing."""
    beyond: dict[str, int] = field(default_factory=dict)
    """The status beyond the largest page or list, and the total where it stops counting."""
    fields: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The shape of its records; see `tap_ft42.doctor.shapes`."""
    is_numbered: bool = True
    """Whether the API heeds the number of a page."""
    is_examined: bool = False
    """Whether more was tested than whether it may be read."""

    def __post_init__(self) -> None:
        """Begin with what is assumed."""
        self.can = self.assumed

    def see(self, **seen: Any) -> None:  # noqa: ANN401 - fields of `Capabilities`
        """Note capabilities that an answer has shown."""
        self.can = self.can.corrected(self.today, **seen)

    def refuse(self, parameter: str, *, is_refused: bool = True) -> None:
        """Note that the API refuses a parameter, or ignores it."""
        (self.refused if is_refused else self.ignored).add(parameter)

    @property
    def differs(self) -> dict[str, Any]:
        """How the API differs from what is assumed; the sandbox can imitate it."""
        parameters = {"refused": sorted(self.refused), "ignored": sorted(self.ignored)}
        return {
            **{name: getattr(self.can, name) for name in _SHOWN if name in self.can.observed},
            **self.beyond,
            **{name: some for name, some in parameters.items() if some},
        }
