"""The tap: its settings, its streams, and what they share."""

from __future__ import annotations

import hashlib
import signal
import time
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import requests
from singer_sdk import Stream, Tap
from singer_sdk.exceptions import ConfigValidationError, RetriableAPIError
from typing_extensions import override

from tap_ft42.api.budget import Budget
from tap_ft42.api.clock import Clock
from tap_ft42.api.ledger import CountingAdapter, Ledger
from tap_ft42.api.quota import Quota
from tap_ft42.api.token import BearerToken
from tap_ft42.declared.instants import in_milliseconds
from tap_ft42.declared.privacy import Privacy
from tap_ft42.planning.backfill import Backfill
from tap_ft42.planning.bookmarks import Times
from tap_ft42.planning.cursus import arrange, cursus_ids
from tap_ft42.planning.priorities import by_need
from tap_ft42.planning.scope import Scope
from tap_ft42.reading.pipeline import IN_FLIGHT, Pipeline
from tap_ft42.reading.spool import Spool
from tap_ft42.run.lifecycle import Lifecycle
from tap_ft42.settings import SETTINGS, contradictions
from tap_ft42.singer.messages import BufferedWriter
from tap_ft42.singer.own.census import CensusStream
from tap_ft42.singer.own.rejections import RejectedRecordsStream
from tap_ft42.singer.own.runs import LEDGER_STREAMS
from tap_ft42.singer.stream import FT42Stream
from tap_ft42.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from singer_sdk.helpers.types import TapState

    from tap_ft42.reading.pipeline import Place

OWN_STREAMS = (RejectedRecordsStream, CensusStream, *LEDGER_STREAMS)
"""What the tap says of its own work, once that is done."""


class TapFT42(Tap):
    """Singer tap for the intranet API of the 42 schools."""

    name = "tap-ft42"
    package_name = "tap-ft42"
    message_writer_class = BufferedWriter

    _places = 0
    _state_written = 0.0
    _has_state = False

    config_jsonschema = SETTINGS

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        errors = super()._validate_config(raise_errors=raise_errors)
        if not errors and (errors := list(contradictions(self._config))) and raise_errors:
            summary = "Config validation failed"
            raise ConfigValidationError(summary, errors=errors, schema=SETTINGS)
        return errors

    @override
    def discover_streams(self) -> Sequence[Stream]:
        return [stream(self) for stream in (*STREAMS, *OWN_STREAMS)]

    @property
    @override
    def streams(self) -> dict[str, Stream]:
        # The SDK sorts by name; a run needs parents and references first.
        streams = super().streams
        ordered = {s.name: streams[s.name] for s in (*STREAMS, *OWN_STREAMS)}
        return self._by_need(ordered) if self.config.get("max_requests") else ordered

    def _by_need(self, streams: dict[str, Stream]) -> dict[str, Stream]:
        """Bring the streams into the order in which they may spend the budget."""
        heads = [
            stream
            for stream in streams.values()
            if isinstance(stream, FT42Stream) and not stream.parent_stream_type
        ]
        first = {stream.name: stream for stream in by_need(heads, self.initialized_at)}
        return first | {name: s for name, s in streams.items() if name not in first}

    @property
    def api_streams(self) -> dict[str, FT42Stream]:
        """The streams that read the API, by name."""
        return {
            name: stream
            for name, stream in self.streams.items()
            if isinstance(stream, FT42Stream)
        }

    @property
    def rejected_records(self) -> RejectedRecordsStream:
        """The stream that takes what breaks its schema."""
        return cast("RejectedRecordsStream", self.streams[RejectedRecordsStream.name])

    @property
    def census(self) -> CensusStream:
        """The stream that tells which rows exist."""
        return cast("CensusStream", self.streams[CensusStream.name])

    # What all streams of a run share

    @property
    def api_url(self) -> str:
        """Base URL of the API, without a trailing slash."""
        return cast("str", self.config["api_url"]).rstrip("/")

    @cached_property
    def session(self) -> requests.Session:
        """The connection pool."""
        session = requests.Session()
        session.headers["User-Agent"] = self.config["user_agent"]
        adapter = CountingAdapter(self.ledger, pool_maxsize=IN_FLIGHT)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        return session

    @cached_property
    def clock(self) -> Clock:
        """What time it is at 42."""
        return Clock()

    @cached_property
    def began(self) -> int:
        """When the run began by 42's clock, in milliseconds since 1970.

        Raises:
            FatalAPIError: 42 refuses the application.
        """
        # Where there is no answer, the first request of a stream is more patient.
        with suppress(RetriableAPIError, requests.RequestException):
            self.token.prepare()
        return self.clock.corrected(self.initialized_at)

    @cached_property
    def ledger(self) -> Ledger:
        """What the run asks for."""
        return Ledger()

    @cached_property
    def token(self) -> BearerToken:
        """The application's access token."""
        return BearerToken(
            api_url=self.api_url,
            client_id=self.config["client_id"],
            client_secret=self.config["client_secret"],
            user_agent=self.config["user_agent"],
            clock=self.clock,
        )

    @cached_property
    def quota(self) -> Quota:
        """The application's limits."""
        return Quota(
            per_second=self.config["requests_per_second"],
            per_hour=self.config["requests_per_hour"],
            reserve_percent=self.config["reserve_percent"],
            store=self.config["quota_store"],
            application=f"{self.api_url} {self.config['client_id']}",
            clock=self.clock,
        )

    @cached_property
    def budget(self) -> Budget:
        """What the run may spend."""
        return Budget(
            max_requests=self.config.get("max_requests"),
            max_minutes=self.config.get("max_minutes"),
        )

    @cached_property
    def pipeline(self) -> Pipeline:
        """Reads ahead of the run."""
        return Pipeline(quota=self.quota, budget=self.budget)

    @cached_property
    def spool(self) -> Spool:
        """What has been read and no state has covered yet."""
        owner = f"{self.api_url} {self.config['client_id']}"
        if self.backfill is not None:
            owner += f" {self.backfill}"
        name = hashlib.sha256(owner.encode()).hexdigest()[:16]
        return Spool(
            Path(self.config["spool"]).expanduser() / f"{name}.sqlite",
            # What an earlier run has left is of people, too.
            is_new=self.backfill is not None or not self.privacy.is_full,
            keeps_pages=self.privacy.is_full,
            clock=self.clock,
            has_state=self._has_state,
            # Without a limit the processor is what is scarce.
            is_compressed=bool(self.config["requests_per_second"]),
        )

    @cached_property
    def coalition_totals(self) -> dict[int, int | None]:
        """The points of each coalition that the run has met."""
        return {}

    @cached_property
    def scope(self) -> Scope:
        """Which part of the network the run reads."""
        return Scope(self)

    @cached_property
    def backfill(self) -> Backfill | None:
        """The window of the past that the run reads, if it is a backfill."""
        return Backfill.of(self.config)

    @property
    def stream_states(self) -> TapState:
        """What holds the states of the streams that read the API, as the SDK's state does."""
        return self.state if self.backfill is None else self.backfill.part_of(self.state)

    @cached_property
    def privacy(self) -> Privacy:
        """What of people may leave the tap."""
        return Privacy.of(self.config)

    @cached_property
    def times(self) -> Times:
        """The instants between which the run reads."""
        start_date = self.config.get("start_date")
        settled = self.began - 1000 * int(self.config["settle_seconds"])
        if self.backfill is not None:
            return Times(
                until=min(self.backfill.ends, settled),
                overlap=0,  # nothing arrives in the past
                not_before=self.backfill.begins,
                is_past=True,
            )
        return Times(
            until=settled,
            overlap=1000 * int(self.config["overlap_seconds"]),
            not_before=None if start_date is None else in_milliseconds(start_date),
        )

    # The run

    @cached_property
    def lifecycle(self) -> Lifecycle:
        """How the run goes."""
        return Lifecycle(self)

    @cached_property
    def _planned(self) -> set[str]:
        """Names of the streams that the pipeline knows."""
        return set()

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self._has_state = bool(state)
        if self.backfill is not None:
            self.backfill.take_up(self.state)
        known: dict[str, Any] = self.stream_states.get("bookmarks", {})
        for stream in STREAMS:
            if stream.is_by_cursus and stream.name in known:
                arrange(known[stream.name], cursus_ids(self.config))

    @property
    def is_dry_run(self) -> bool:
        """Whether the run only tries out the connection: it reads nothing ahead."""
        return any(stream.ABORT_AT_RECORD_COUNT for stream in self.streams.values())

    def plan_run(self, stream: FT42Stream) -> None:
        """Let the pipeline read what the run will ask for, as far as it is known.

        Args:
            stream: What the run asks for now. Where requests are counted, nothing else
                is read before this stream has had what it needs.
        """
        if self.is_dry_run or stream.parent_stream_type:
            return
        due = [stream] if self.budget.counts_requests else self.api_streams.values()
        for head in due:
            if head.name not in self._planned:
                self._planned.add(head.name)
                head.plan_ahead()

    def next_place(self) -> Place:
        """Return the place after all that have been given away."""
        self._places += 1
        return (self._places,)

    def write_state(self, *, at_most_every: float = 0) -> None:
        """Write a STATE message.

        Args:
            at_most_every: Seconds that must have passed since the last one.
        """
        now = time.monotonic()
        if now - self._state_written >= at_most_every:
            self._state_written = now
            for stream in self.api_streams.values():
                stream.presence.save()
            self.state_writer.write_state(self.state)

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        # A second signal finds nothing that is patient.
        signal.signal(signum, signal.SIG_DFL)
        self.pipeline.stop(self.budget.stop(f"it was sent {signal.Signals(signum).name}"))
