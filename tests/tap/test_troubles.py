"""Why a request fails is found out for each request, wherever its answer belongs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import pytest
from tap_ft42.api.errors import RetriableAPIError
from tap_ft42.reading.asking import Remedy, Source, TooLargeError
from tap_ft42.reading.outages import Outages
from tap_ft42.reading.regions import Region
from tap_ft42.reading.troubles import Troubles
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tap_ft42.api.budget import Budget
    from tap_ft42.api.ledger import Entry
    from tap_ft42.api.page import Page

HERE = (-1, 0)


class Large(Source):
    """A source whose requests are too large; smaller ones are answered."""

    @property
    @override
    def entry(self) -> Entry:
        return cast("Entry", None)

    @override
    def fetch(self, region: Region, number: int, sort: str | None) -> Page:
        raise NotImplementedError

    @override
    def remedies(self, *, is_heavy: bool) -> Iterable[Remedy]:
        yield Remedy([(1, self)], lambda _: TooLargeError("too large", [self, self]))


def failed(source: Source, tries: int) -> Any:  # noqa: ANN401 - what the package backoff passes
    failure = RetriableAPIError("42 answered 502")
    request = (Region(), 1, None)
    return {"args": (HERE, source, request), "exception": failure, "tries": tries}


async def answered(fetch: Callable[[], Page], entry: Entry) -> None:
    """A smaller request is answered."""


def test_a_request_is_not_replaced_by_that_of_another_list() -> None:
    async def two_fail() -> None:
        troubles = Troubles(
            Outages(cast("Budget", None)),
            ask=answered,
            known_good=lambda: None,
            has_worked=True,
        )
        before, source = Large(), Large()
        await troubles.look_into(failed(before, 2))  # it is answered with its next try
        await troubles.look_into(failed(source, 2))
        with pytest.raises(TooLargeError) as too_large:
            await troubles.look_into(failed(source, 3))
        assert too_large.value.instead == [source, source]

    asyncio.run(two_fail())
