"""The interface of traits: what only some lists do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tap_ft42.api.page import Page
from tap_ft42.declared.contexts import Context
from tap_ft42.planning.plan import PlannedRead
from tap_ft42.reading.asking import Part
from tap_ft42.reading.places import Place


class Trait:
    """Takes part in the reading of a list. This base class does nothing."""

    def take_up(self, context: Context | None, state: dict[str, Any]) -> None:
        """Look at a partition before it is planned."""

    def learn_of_parents(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Look at records of the parent list, before the list is planned below them."""

    def first(self) -> Iterator[Any]:
        """Yield records that come before those of a partition."""
        return iter(())

    def last(self, context: Context | None) -> Iterator[Any]:  # noqa: ARG002 - for subclasses
        """Yield records that come after those of a partition that was due."""
        return iter(())

    def prepared(
        self,
        parts: Iterator[tuple[Part, Place]],
        read: PlannedRead,  # noqa: ARG002 - for subclasses
    ) -> Iterator[tuple[Part, Place]]:
        """Look up what the rows need and their request does not tell, such as their campus.

        Raises:
            TooDearError: That is not possible for a sweep. Read its members one by one.
        """
        return parts

    def learn_of_mark(self, row: Mapping[str, Any], context: Context | None) -> None:
        """Look at a new or changed row of the list that `Movers` names."""

    def save(self) -> None:
        """Write into the state what the trait has learned."""

    def added(self, record: object, context: Context | None) -> dict[str, Any]:  # noqa: ARG002 - for subclasses
        """Return values of columns that the record itself does not have."""
        return {}

    def is_in_scope(self, row: Mapping[str, Any]) -> bool:  # noqa: ARG002 - for subclasses
        """Tell whether a row belongs to the run; the API's filters may let others through."""
        return True

    def leave_out(self, row: Mapping[str, Any]) -> None:
        """Take note of a row that the list shows, though it does not belong to the run."""

    def is_worth_sweeping(self, head: Page, read: PlannedRead) -> bool:  # noqa: ARG002 - for subclasses
        """Tell whether a sweep costs less than asking for its members one by one."""
        return True

    def complete(self, context: Context | None) -> None:
        """Note that a partition has been read."""
