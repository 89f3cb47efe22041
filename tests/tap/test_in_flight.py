"""What was sent is waited for, as it has been paid for."""

from __future__ import annotations

from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest
from tap_ft42.api.budget import Budget, RunEnds
from tap_ft42.api.client import Client
from tap_ft42.api.clock import Clock
from tap_ft42.api.ledger import Ledger
from tap_ft42.api.page import restored_page
from tap_ft42.api.quota import Quota
from tap_ft42.api.session import Adapter, Session
from tap_ft42.api.token import BearerToken
from tap_ft42.reading.asking import Ask, Part
from tap_ft42.reading.pipeline import Pipeline
from tap_ft42.reading.regions import Region
from tap_ft42.reading.source import Source
from typing_extensions import override

from tests.tap.pages import NOTHING_IN_PARTICULAR, route_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tap_ft42.api.page import Page
    from tap_ft42.reading.running import Reading


@dataclass(frozen=True)
class Slow(Source):
    """An answer that comes when the test says so."""

    is_sent: Event = field(default_factory=Event)
    comes: Event = field(default_factory=Event)

    @override
    def fetch(self, region: Region, number: int, sort: str | None) -> Page:
        self.is_sent.set()
        assert self.comes.wait(60)
        return restored_page(
            b'[{"id":1}]', None, total=1, size=100, more=False, sent=0.0, answered=0.0
        )


async def one_page(ask: Ask) -> AsyncIterator[Part]:
    yield Part(await ask(Region(), 1, None))


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    """One that may send a single request."""
    clock, budget = Clock(), Budget(max_requests=1, max_minutes=None)
    session = Session(
        api_url="http://127.0.0.1:9",
        user_agent="tests",
        adapter=Adapter(Ledger(), pool_maxsize=1),
    )
    token = BearerToken(session, client_id="nobody", client_secret="")
    quota = Quota(
        per_second=0,
        per_hour=0,
        reserve_percent=0,
        store=str(tmp_path / "quota.sqlite"),
        application="tests",
        clock=clock,
    )
    client = Client(session, token=token, clock=clock)
    return Pipeline(quota=quota, budget=budget, client=client, has_worked=False)


def test_the_budget_ends_a_run_only_when_what_is_on_its_way_has_come(
    pipeline: Pipeline,
) -> None:
    last, one_too_many = (Slow(route_of(), *NOTHING_IN_PARTICULAR) for _ in range(2))
    ends = SimpleQueue[BaseException]()

    def consume(reading: Reading) -> None:
        try:
            list(pipeline.parts(reading))
        except RunEnds as end:
            ends.put(end)

    paid = pipeline.read((2,), last, one_page)
    assert last.is_sent.wait(60)
    refused = pipeline.read((1,), one_too_many, one_page)
    consumer = Thread(target=consume, args=[refused], daemon=True)
    consumer.start()
    with pytest.raises(Empty):
        ends.get(timeout=1)
    last.comes.set()
    assert ends.get(timeout=60)
    assert [part.page.ids for part, _ in pipeline.parts(paid) if part.page] == [[1]]
    assert not one_too_many.is_sent.is_set()
