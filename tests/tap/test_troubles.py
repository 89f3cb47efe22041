"""Why a request fails is found out for each request, wherever its answer belongs."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Self, cast

import pytest
from tap_ft42.api.errors import RetriableAPIError
from tap_ft42.api.ledger import Entry
from tap_ft42.api.retries import TooManyRequestsError
from tap_ft42.reading.outages import Outages
from tap_ft42.reading.regions import Region
from tap_ft42.reading.source import Remedy, Source, TooLargeError
from tap_ft42.reading.troubles import Troubles
from typing_extensions import override

from tests.tap.pages import NOTHING_IN_PARTICULAR, route_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from tap_ft42.api.budget import Budget
    from tap_ft42.api.page import Page

HERE = (-1, 0)


class Listed(Source):
    """A source of a route."""

    @classmethod
    def of_any_route(cls) -> Self:
        return cls(route_of(), *NOTHING_IN_PARTICULAR)

    @override
    def fetch(self, region: Region, number: int, sort: str | None) -> Page:
        raise NotImplementedError


class Large(Listed):
    """A source whose requests are too large; smaller ones are answered."""

    @override
    def remedies(self, *, is_heavy: bool) -> Iterator[Remedy]:
        yield Remedy([(1, self)], lambda _: TooLargeError("too large", [self, self]))


def failed(
    source: Source, tries: int, kind: type[RetriableAPIError] = RetriableAPIError
) -> Any:  # noqa: ANN401 - what the package backoff passes
    failure = kind("42 does not answer with rows")
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
        before, source = Large.of_any_route(), Large.of_any_route()
        await troubles.look_into(failed(before, 2))  # it is answered with its next try
        await troubles.look_into(failed(source, 2))
        with pytest.raises(TooLargeError) as too_large:
            await troubles.look_into(failed(source, 3))
        assert too_large.value.instead == [source, source]

    asyncio.run(two_fail())


@pytest.mark.parametrize("is_answered", [True, False], ids=["other list", "no list"])
def test_a_list_that_is_always_refused_is_given_up_if_another_one_is_answered(
    *, is_answered: bool
) -> None:
    """Otherwise each request of it would be sent a hundred times."""
    probes = list[Entry]()

    async def ask(_: Callable[[], Page], entry: Entry) -> None:
        probes.append(entry)
        if not is_answered:
            raise cast(
                "TooManyRequestsError",
                failed(Listed.of_any_route(), 1, TooManyRequestsError)["exception"],
            )

    async def sent() -> int:
        troubles = Troubles(
            Outages(cast("Budget", None)),
            ask=ask,
            known_good=lambda: cast("Callable[[], Page]", sent),
            has_worked=True,
        )
        source, requests = Listed.of_any_route(), 0
        for _ in range(14):
            for tries in range(1, 20):
                requests += 1
                source.route.entry.count(refusals=1)
                try:
                    await troubles.look_into(failed(source, tries, TooManyRequestsError))
                except TooManyRequestsError:
                    break
        return requests

    assert asyncio.run(sent()) == (8 + 13 if is_answered else 14 * 19)
    assert len(probes) == (1 if is_answered else 14 * 2)


@pytest.mark.parametrize("is_down", [False, True], ids=["42 answers", "42 is down"])
def test_a_list_that_lacks_rows_is_tried_as_often_as_others_while_42_is_down(
    *, is_down: bool
) -> None:
    class Waited(Outages):
        @override
        async def outlast(
            self, failure: BaseException, is_answered: Callable[[], Awaitable[bool]]
        ) -> None:
            self.ended_at = time.monotonic()

    async def ask(*_: object) -> None:
        if is_down:
            raise cast("RetriableAPIError", failed(Listed.of_any_route(), 1)["exception"])

    async def look() -> None:
        troubles = Troubles(
            Waited(cast("Budget", None)),
            ask=ask,
            known_good=lambda: cast("Callable[[], Page]", look),
            has_worked=True,
            expects=lambda _: True,
        )
        await troubles.look_into(failed(Listed.of_any_route(), 2))

    if is_down:
        asyncio.run(look())
    else:
        with pytest.raises(RetriableAPIError):
            asyncio.run(look())
