"""The services that all parts of a run share."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import requests
from platformdirs import user_state_path

from tap_ft42.api.budget import Budget
from tap_ft42.api.client import Client
from tap_ft42.api.clock import Clock
from tap_ft42.api.ledger import Ledger
from tap_ft42.api.quota import Quota
from tap_ft42.api.retries import MAX_TRIES, PATIENT_TRIES, retried
from tap_ft42.api.session import Adapter, Session
from tap_ft42.api.token import BearerToken
from tap_ft42.declared.instants import in_milliseconds
from tap_ft42.declared.privacy import Privacy
from tap_ft42.planning.backfill import Backfill
from tap_ft42.planning.scope import Scope
from tap_ft42.planning.steps import Times
from tap_ft42.reading.pipeline import IN_FLIGHT, Pipeline
from tap_ft42.reading.places import Place
from tap_ft42.reading.spool import Spool
from tap_ft42.run.host import Host

_OF_THE_USER = user_state_path("tap-ft42")
"""The folder for files, unless a setting names another one."""

_STATE_INTERVAL = 5.0
"""Seconds between two STATE messages of a run that goes on."""


class Services:
    """The services of a run. Each one is opened when it is first used."""

    def __init__(self, settings: Mapping[str, Any], host: Host) -> None:
        self.settings = settings
        self._host = host
        self._places = 0
        self.widths: dict[bool, int] = {}
        """How wide ranges may be, as any list of the run has shown; used by `Route`."""
        self._state_written = time.monotonic()
        self.listeners: list[Callable[[requests.Response], None]] = []
        """They hear each answer of the API, as the clock and the quota do."""

    @cached_property
    def clock(self) -> Clock:
        """What time it is at 42."""
        return Clock()

    @cached_property
    def began(self) -> int:
        """When the run began by 42's clock, in milliseconds since 1970."""
        return self.clock.corrected(self._host.initialized_at)

    @cached_property
    def today(self) -> date:
        """The day of the run's first request, by 42's clock."""
        return self.clock.now().date()

    def begin(self) -> None:
        """Ask for a token first; its answer also tells the time at 42.

        Raises:
            SettingError: The store of the quota cannot be used.
            CredentialsError: 42 refuses the application.
            RetriableAPIError: Too many tries failed.
            requests.RequestException: There is no answer.
            RunEnds: The budget is too small to wait for a token.
        """
        _ = self.quota  # a store that cannot be used is reported before any request
        tries = PATIENT_TRIES if self._host.has_state else MAX_TRIES
        retried("token", self.token.prepare, budget=self.budget, max_tries=tries)()

    # Requests

    @cached_property
    def client(self) -> Client:
        """Asks the API for pages."""
        return Client(self._session, token=self.token, clock=self.clock)

    @property
    def _api_url(self) -> str:
        return str(self.settings["api_url"]).rstrip("/")

    @cached_property
    def _session(self) -> Session:
        session = Session(
            api_url=self._api_url,
            user_agent=self.settings["user_agent"],
            adapter=Adapter(self.ledger, pool_maxsize=IN_FLIGHT),
        )
        session.hooks["response"].append(self._learn)
        return session

    def _learn(self, response: requests.Response, **_: object) -> None:
        """Learn the time and the limits from an answer, also from that with the token."""
        for learn in (self.clock.learn, self.quota.learn, *self.listeners):
            learn(response)

    @cached_property
    def token(self) -> BearerToken:
        """The application's access token."""
        return BearerToken(
            self._session,
            client_id=self.settings["client_id"],
            client_secret=self.settings["client_secret"],
        )

    @cached_property
    def quota(self) -> Quota:
        """The application's limits."""
        return Quota(
            per_second=self.settings.get("requests_per_second"),
            per_hour=self.settings.get("requests_per_hour"),
            reserve_percent=self.settings["reserve_percent"],
            store=self.settings.get("quota_store") or str(_OF_THE_USER / "quota.sqlite"),
            application=self._application,
            clock=self.clock,
        )

    @property
    def _application(self) -> str:
        return f"{self._api_url} {self.settings['client_id']}"

    @cached_property
    def budget(self) -> Budget:
        """The requests and minutes that the run may use."""
        return Budget(
            max_requests=self.settings.get("max_requests"),
            max_minutes=self.settings.get("max_minutes"),
        )

    # Reading

    @cached_property
    def pipeline(self) -> Pipeline:
        """Reads pages ahead of the run."""
        return Pipeline(
            quota=self.quota,
            budget=self.budget,
            client=self.client,
            has_worked=self._host.has_state,
        )

    @property
    def is_down(self) -> bool:
        """Whether the API has not answered anything yet, or the run has given up waiting."""
        return self.client.known_good() is None or self.pipeline.is_given_up

    @cached_property
    def spool(self) -> Spool:
        """Pages that were read, and that no state covers yet."""
        owner, keeps_pages = self._application, self.privacy.is_full
        if self.backfill is not None:
            owner += f" {self.backfill}"
        name = hashlib.sha256(owner.encode()).hexdigest()[:16]
        return Spool(
            Path(self.settings.get("spool") or _OF_THE_USER / "spool").expanduser()
            / f"{name}.sqlite",
            # Pages of an earlier run hold personal data, so a preset does not keep them.
            is_new=self.backfill is not None or not keeps_pages,
            keeps_pages=keeps_pages,
            clock=self.clock,
            has_state=self._host.has_state,
            # Without a limit of requests, the processor is the bottleneck.
            is_compressed=bool(self.quota.per_second),
        )

    def next_place(self) -> Place:
        """Return the place behind all places that were given out before."""
        self._places += 1
        return (self._places,)

    # What is read

    @cached_property
    def scope(self) -> Scope:
        """The cursus and campuses that are read."""
        return Scope.of(self.settings)

    @cached_property
    def backfill(self) -> Backfill | None:
        """The window of the past that is read; None if the run is not a backfill."""
        return Backfill.of(self.settings)

    @cached_property
    def times(self) -> Times:
        """The instants between which the run reads."""
        start_date = self.settings.get("start_date")
        settled = self.began - 1000 * int(self.settings["settle_seconds"])
        if self.backfill is not None:
            return Times(
                until=min(self.backfill.ends, settled),
                overlap=0,  # no rows are added to the past
                not_before=self.backfill.begins,
                is_past=True,
            )
        return Times(
            until=settled,
            overlap=1000 * int(self.settings["overlap_seconds"]),
            not_before=None if start_date is None else in_milliseconds(start_date),
        )

    @cached_property
    def privacy(self) -> Privacy:
        """Which personal data may leave the tap."""
        return Privacy.of(self.settings)

    @cached_property
    def is_dry_run(self) -> bool:
        """Whether each list is only tried out, with one request."""
        return self._host.is_dry_run

    @cached_property
    def is_whole(self) -> bool:
        """Whether the run is neither a dry run nor a backfill."""
        return not self.is_dry_run and self.backfill is None

    @cached_property
    def is_counted(self) -> bool:
        """Whether a census counts the rows of the lists whose rows are wanted."""
        return self._host.is_census_wanted and self.is_whole

    # Records of the run

    @cached_property
    def ledger(self) -> Ledger:
        """Counts the requests and rows of the run."""
        return Ledger()

    def write_state(self) -> None:
        """Write a STATE message."""
        self._state_written = time.monotonic()
        self._host.write_state()

    def write_state_if_due(self) -> None:
        """Write a STATE message, unless one was written a few seconds ago."""
        if time.monotonic() - self._state_written >= _STATE_INTERVAL:
            self.write_state()
