"""The services of a run, which everything in it shares."""

from __future__ import annotations

import hashlib
import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platformdirs import user_state_path

from tap_ft42.api.budget import Budget
from tap_ft42.api.client import Client
from tap_ft42.api.clock import Clock
from tap_ft42.api.ledger import Ledger
from tap_ft42.api.quota import Quota
from tap_ft42.api.retries import MAX_TRIES, PATIENT_TRIES
from tap_ft42.api.session import Adapter, Session
from tap_ft42.api.token import BearerToken
from tap_ft42.declared.instants import in_milliseconds
from tap_ft42.declared.privacy import Privacy
from tap_ft42.planning.backfill import Backfill
from tap_ft42.planning.scope import Scope
from tap_ft42.planning.steps import Times
from tap_ft42.reading.pipeline import IN_FLIGHT, Pipeline
from tap_ft42.reading.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import requests

    from tap_ft42.reading.places import Place
    from tap_ft42.run.host import Host

_OF_THE_USER = user_state_path("tap-ft42")
"""Where files are kept that no setting gives a place."""

_STATE_INTERVAL = 5.0
"""Seconds between two STATE messages of a run that goes on."""


class Services:
    """What all of a run needs. Each service is opened when it is first needed."""

    def __init__(self, settings: Mapping[str, Any], host: Host) -> None:
        self.settings = settings
        self._host = host
        self._places = 0
        self.widths: dict[bool, int] = {}
        """How far ranges may reach, as any list of the run has shown; of a `Route`."""
        self._state_written = time.monotonic()

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
        """The day on which the run began to ask, by 42's clock."""
        return self.clock.now().date()

    def begin(self) -> None:
        """Ask for a token, whose answer tells what time it is, before all else.

        Raises:
            SettingError: The store of the quota cannot be used.
            CredentialsError: 42 refuses the application.
            RetriableAPIError: Too many tries failed.
            requests.RequestException: There is no answer.
            RunEnds: The budget does not allow to wait for one.
        """
        _ = self.quota  # a store that cannot be used is told before anything is asked
        tries = PATIENT_TRIES if self._host.has_state else MAX_TRIES
        self.client.retried("token", self.token.prepare, max_tries=tries)()

    # How the API is asked

    @cached_property
    def client(self) -> Client:
        """What asks for pages."""
        return Client(self._session, token=self.token, budget=self.budget, clock=self.clock)

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
        """Learn from any answer, to a request for a token too."""
        self.clock.learn(response)
        self.quota.learn(response)

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
        """What the run may spend."""
        return Budget(
            max_requests=self.settings.get("max_requests"),
            max_minutes=self.settings.get("max_minutes"),
        )

    # How lists are read

    @cached_property
    def pipeline(self) -> Pipeline:
        """Reads ahead of the run."""
        return Pipeline(
            quota=self.quota,
            budget=self.budget,
            client=self.client,
            has_worked=self._host.has_state,
        )

    @property
    def is_down(self) -> bool:
        """Whether the API has answered nothing, or has been waited for in vain."""
        return self.client.known_good() is None or self.pipeline.is_given_up

    @cached_property
    def spool(self) -> Spool:
        """What has been read and no state has covered yet."""
        owner = self._application
        if self.backfill is not None:
            owner += f" {self.backfill}"
        name = hashlib.sha256(owner.encode()).hexdigest()[:16]
        return Spool(
            Path(self.settings.get("spool") or _OF_THE_USER / "spool").expanduser()
            / f"{name}.sqlite",
            # What an earlier run has left is of people, too.
            is_new=self.backfill is not None or not self.privacy.is_full,
            keeps_pages=self.privacy.is_full,
            clock=self.clock,
            has_state=self._host.has_state,
            # Without a limit the processor is what is scarce.
            is_compressed=bool(self.quota.per_second),
        )

    def next_place(self) -> Place:
        """Return the place after all that have been given away."""
        self._places += 1
        return (self._places,)

    # What is read

    @cached_property
    def scope(self) -> Scope:
        """Which part of the network."""
        return Scope.of(self.settings)

    @cached_property
    def backfill(self) -> Backfill | None:
        """The window of the past that is read, if the run is a backfill."""
        return Backfill.of(self.settings)

    @cached_property
    def times(self) -> Times:
        """The instants between which the run reads."""
        start_date = self.settings.get("start_date")
        settled = self.began - 1000 * int(self.settings["settle_seconds"])
        if self.backfill is not None:
            return Times(
                until=min(self.backfill.ends, settled),
                overlap=0,  # nothing arrives in the past
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
        """What of people may leave the tap."""
        return Privacy.of(self.settings)

    @cached_property
    def is_dry_run(self) -> bool:
        """Whether the lists are only tried out, with a request each."""
        return self._host.is_dry_run

    # How it goes

    @cached_property
    def ledger(self) -> Ledger:
        """What the run asks for."""
        return Ledger()

    def write_state(self) -> None:
        """Write a STATE message."""
        self._state_written = time.monotonic()
        self._host.write_state()

    def write_state_if_due(self) -> None:
        """Write a STATE message, unless the last one is quite new."""
        if time.monotonic() - self._state_written >= _STATE_INTERVAL:
            self.write_state()
