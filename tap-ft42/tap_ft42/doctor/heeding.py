"""Whether the API heeds all ids of a list, or only the first one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Counted(Protocol):
    """The first page of what a list of ids brings."""

    @property
    def total(self) -> int | None:
        """How many rows there are; None if the API does not say so."""

    @property
    def count(self) -> int:
        """How many it shows."""

    @property
    def ids(self) -> Sequence[int]:
        """The ids of these."""


_Counted = TypeVar("_Counted", bound=Counted)


def heeds_all(ids: Sequence[int], ask: Callable[[Sequence[int]], _Counted]) -> bool:
    """Find out whether all ids of a list count.

    Args:
        ids: Some of which there are rows, of the first one the most. Several, as all rows of
            one may be those of another one, too.
        ask: Asks for the rows of some ids.
    """
    alone, together = ask(ids[:1]), ask(ids)
    if not alone.count:
        return together.count > 0
    if alone.total is not None and together.total is not None:
        return together.total > alone.total
    # Where nothing is counted, the order of ids that all count makes no difference.
    return list(ask(ids[::-1]).ids[:1]) == list(together.ids[:1])
