"""The streams about a run: its requests, and its result."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from singer_sdk.helpers.types import Context
from typing_extensions import override

from tap_ft42.api.ledger import counts, summary
from tap_ft42.declared.instants import from_milliseconds, in_milliseconds, write_instant
from tap_ft42.singer.own.stream import OwnStream


class SyncRequestsStream(OwnStream):
    """The requests of a run, by stream and route."""

    name = "sync_requests"

    @override
    def get_records(self, context: Context | None) -> Iterable[dict[str, Any]]:
        self.run.ledger.close()
        return [
            {"run_id": self.run.ledger.run_id, **counts(entry)}
            for entry in self.run.ledger.entries()
        ]


class SyncRunsStream(OwnStream):
    """The run: how it ended, the sums of its requests, and its settings."""

    name = "sync_runs"

    @override
    def get_records(self, context: Context | None) -> Iterable[dict[str, Any]]:
        run, settings = self.run, self.run.settings
        run.ledger.close()
        until, allowed = run.token.secret_valid_until, run.quota.allowed
        shown = ("page_size", "max_requests", "max_minutes")
        return [
            {
                "run_id": run.ledger.run_id,
                "started_at": from_milliseconds(run.began),
                "ended_at": write_instant(run.clock.now()),
                "outcome": run.lifecycle.outcome,
                "reason": run.lifecycle.reason,
                "tap_version": version("tap-ft42"),
                "audits": [
                    asdict(found)
                    for one in self.lists.values()
                    for presence in one.presences.values()
                    for found in presence.audits
                ],
                "streams": [name for name, one in self.lists.items() if one.output.selected],
                "failed_streams": run.lifecycle.failed_streams,
                "lacking_streams": run.lifecycle.lacking_streams,
                **summary(run.ledger.entries()),
                "token_requests": run.token.requests,
                "secret_valid_until": None if until is None else write_instant(until),
                **{name: settings.get(name) for name in shown},
                "requests_per_second": run.quota.per_second,
                "requests_per_hour": run.quota.per_hour,
                "allowed_per_second": None if allowed is None else allowed.per_second,
                "allowed_per_hour": None if allowed is None else allowed.per_hour,
                "start_date": _instant(settings.get("start_date")),
                "end_date": _instant(settings.get("end_date")),
                "cursus_ids": list(run.scope.cursus_ids),
                "campus_ids": list(run.scope.campus_ids) or None,
            }
        ]

    @override
    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        yield from super()._sync_records(context, write_messages=write_messages)
        # This is the last record of a run. A short dry run writes no other state.
        self.run.write_state()

    @override
    def log_sync_costs(self) -> None:
        # The SDK calls this for the last stream at the very end of a run.
        super().log_sync_costs()
        # The state has changed if plans have ended; an unchanged one is not written again.
        self.run.write_state()
        self.run.lifecycle.end()
        # If this stream is not selected, only the exit code reports a partial success.
        self.run.lifecycle.raise_failures(
            unless_partial=self.selected and bool(self.run.settings["partial_success"])
        )


def _instant(setting: str | None) -> str | None:
    return None if setting is None else from_milliseconds(in_milliseconds(setting))


LEDGER_STREAMS = (SyncRequestsStream, SyncRunsStream)
