"""The streams that say what a run asked for and what came of it."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Stream, StreamSchema
from typing_extensions import override

from tap_ft42.declared.instants import from_milliseconds, in_milliseconds, write_instant
from tap_ft42.singer.rows import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from singer_sdk.helpers.types import Context

    from tap_ft42.api.ledger import Tally
    from tap_ft42.tap import TapFT42


class _LedgerStream(Stream):
    """A stream of the run's own accounts, emitted after all that they account for."""

    schema: ClassVar[StreamSchema[str]] = StreamSchema(SCHEMAS)

    _tap: TapFT42

    def __init__(self, tap: TapFT42) -> None:
        """Take the key from the schema.

        Args:
            tap: The tap, whose run it is.
        """
        super().__init__(tap)
        self.primary_keys = self.schema["x-primary-key"]


class SyncRequestsStream(_LedgerStream):
    """What a run asked for, by stream and route."""

    name = "sync_requests"

    @override
    def get_records(self, context: Context | None) -> Iterable[dict[str, Any]]:
        self._tap.ledger.close()
        return [
            {"run_id": self._tap.ledger.run_id, **_counts(tally)}
            for tally in self._tap.ledger.tallies()
        ]


class SyncRunsStream(_LedgerStream):
    """The run: how it ended, what it asked for in all, by which settings."""

    name = "sync_runs"

    @override
    def get_records(self, context: Context | None) -> Iterable[dict[str, Any]]:
        tap = self._tap
        tap.ledger.close()
        until = tap.token.secret_valid_until
        settings = (
            "page_size", "requests_per_second", "requests_per_hour", "max_requests",
            "max_minutes",
        )  # fmt: skip
        return [
            {
                "run_id": tap.ledger.run_id,
                "started_at": from_milliseconds(tap.began),
                "ended_at": write_instant(tap.clock.now()),
                "outcome": tap.lifecycle.outcome,
                "reason": tap.lifecycle.reason,
                "tap_version": version("tap-ft42"),
                "streams": [
                    name for name, stream in tap.api_streams.items() if stream.selected
                ],
                "failed_streams": tap.lifecycle.failed_streams,
                **summed(tap.ledger.tallies()),
                "token_requests": tap.token.requests,
                "secret_valid_until": None if until is None else write_instant(until),
                **{name: tap.config.get(name) for name in settings},
                "start_date": _instant(tap.config.get("start_date")),
                "end_date": _instant(tap.config.get("end_date")),
                "cursus_ids": list(tap.scope.cursus_ids),
                "campus_ids": sorted(tap.scope.campus_ids) or None,
            }
        ]

    @override
    def log_sync_costs(self) -> None:
        # The SDK calls this of the last stream last, after all that a run does.
        super().log_sync_costs()
        self._tap.lifecycle.end()
        self._tap.lifecycle.raise_failures()


def _instant(setting: str | None) -> str | None:
    return None if setting is None else from_milliseconds(in_milliseconds(setting))


LEDGER_STREAMS = (SyncRequestsStream, SyncRunsStream)

_SUMS = (
    "requests", "refusals", "retries", "rows", "rows_emitted", "bytes",
    "quota_seconds", "api_seconds", "lower_bound",
)  # fmt: skip


def summed(tallies: Sequence[Tally]) -> dict[str, Any]:
    """Return what several accounts have in all, by the names of the columns."""
    counts = [_counts(tally) for tally in tallies]
    return {name: sum(count[name] for count in counts) for name in _SUMS}


def _counts(tally: Tally) -> dict[str, Any]:
    return {
        "stream": tally.stream,
        "route": tally.route,
        "requests": tally.requests,
        "refusals": tally.refusals,
        "retries": tally.retries,
        "rows": tally.rows,
        "rows_emitted": tally.rows_emitted,
        "rows_changed": tally.rows_changed,
        "bytes": tally.bytes,
        "quota_seconds": round(tally.quota_seconds, 3),
        "api_seconds": round(tally.api_seconds, 3),
        "window_begins_at": None if tally.begins is None else from_milliseconds(tally.begins),
        "window_ends_at": None if tally.ends is None else from_milliseconds(tally.ends),
        "lower_bound": tally.lower_bound,
    }
