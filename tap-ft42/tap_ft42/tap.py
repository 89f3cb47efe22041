"""The tap: its settings, its streams, and its run."""

from __future__ import annotations

import signal
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import Any

import click
from singer_sdk import Stream, Tap
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers._state import StateWriter
from typing_extensions import override

from tap_ft42.configuration import checked, from_variables, normalized, refusals
from tap_ft42.lists.existence import missing_ids
from tap_ft42.lists.list_sync import ListSync
from tap_ft42.lists.turns import need
from tap_ft42.planning.cursus import arrange, cursus_ids
from tap_ft42.run.host import Host
from tap_ft42.run.run import Run
from tap_ft42.settings import SETTINGS
from tap_ft42.singer.messages import BufferedWriter, NoStateWriter
from tap_ft42.singer.own.census import CensusStream
from tap_ft42.singer.own.rejections import RejectedRecordsStream
from tap_ft42.singer.own.runs import LEDGER_STREAMS
from tap_ft42.singer.stream import FT42Stream
from tap_ft42.streams import STREAMS


class TapFT42(Tap, Host):
    """Singer tap for the intranet API of the 42 schools."""

    name = "tap-ft42"
    package_name = "tap-ft42"
    message_writer_class = BufferedWriter

    has_state = False

    config_jsonschema = SETTINGS

    def __init__(self, *, parse_env_config: bool = False, **options: Any) -> None:  # noqa: ANN401 - the SDK's
        """Read the settings, from variables too if asked to; these win over files."""
        if parse_env_config:
            self.append_builtin_config(SETTINGS)
            options["config"] = dict(options.get("config") or {}) | from_variables(SETTINGS)
        super().__init__(**options)
        self._written = StateWriter(self.message_writer)
        self._state_writer = NoStateWriter(self.message_writer)

    @classmethod
    @override
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> Any:
        for file in map(Path, value):
            if file.is_file():
                checked("config", str(file), file.read_text(encoding="utf-8"))
        return super().cb_config(ctx, param, value)

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        self.append_builtin_config(self.config_jsonschema)
        self._config = normalized(self._config, self.config_jsonschema)
        errors = list(refusals(self._config, self.config_jsonschema))
        if errors and raise_errors:
            summary = "Config validation failed"
            raise ConfigValidationError(summary, errors=errors, schema=SETTINGS)
        for name in sorted(self._config.keys() - self.config_jsonschema["properties"].keys()):
            self.logger.warning("%s: the tap has no such setting. Correct its name", name)
        return errors

    @override
    def discover_streams(self) -> Sequence[Stream]:
        rejected = RejectedRecordsStream(self)
        own = [rejected, *(stream(self) for stream in (CensusStream, *LEDGER_STREAMS))]
        streams: list[FT42Stream] = [stream(self, self.stream_states) for stream in STREAMS]
        for stream in streams:
            list_sync = ListSync(self.run, stream.listing, stream, self.lists)
            stream.attach(list_sync, rejected)
            self.lists[stream.name] = list_sync
        for list_sync in self.lists.values():
            if list_sync.listing.parent is not None:
                self.lists[list_sync.listing.parent.name].add_child(list_sync)
            list_sync.follow_marks()
        for own_stream in own:
            own_stream.attach(self.run, self.lists)
        self._order = [stream.name for stream in (*streams, *own)]
        return [*streams, *own]

    @property
    @override
    def streams(self) -> dict[str, Stream]:
        # The SDK sorts by name; a run needs parents and references first.
        streams = super().streams
        ordered = {name: streams[name] for name in self._order}
        return self._by_need(ordered) if self.config.get("max_requests") else ordered

    def _by_need(self, streams: dict[str, Stream]) -> dict[str, Stream]:
        """Sort the streams by how urgent they are, as the budget may not suffice for all."""
        began = self.initialized_at  # an uncorrected clock is good enough for an order
        heads = [one for one in self.lists.values() if one.listing.parent is None]
        heads.sort(key=lambda one: -need(one.list, began))
        first = {one.listing.name: streams[one.listing.name] for one in heads}
        return first | {name: s for name, s in streams.items() if name not in first}

    # The run

    @cached_property
    def run(self) -> Run:
        """The services that all streams share."""
        return Run(self.config, self)

    @cached_property
    def lists(self) -> dict[str, ListSync]:
        """The lists of the run, by the names of their streams."""
        return {}

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self.has_state = bool(state)
        if self.run.backfill is not None:
            self.run.backfill.take_up(self.state)
        known: dict[str, Any] = self.stream_states.get("bookmarks", {})
        for stream in STREAMS:
            name = stream.listing.name
            if stream.listing.by_cursus and name in known:
                arrange(known[name], cursus_ids(self.config))

    @property
    @override
    def stream_states(self) -> Any:
        return (
            self.state if self.run.backfill is None else self.run.backfill.part_of(self.state)
        )

    @property
    @override
    def selected(self) -> list[str]:
        return [name for name, one in self.lists.items() if one.output.selected]

    @property
    @override
    def is_dry_run(self) -> bool:
        return any(stream.ABORT_AT_RECORD_COUNT for stream in self.streams.values())

    @property
    @override
    def is_census_wanted(self) -> bool:
        return self.streams[CensusStream.name].selected

    @override
    def write_state(self) -> None:
        for one in self.lists.values():
            one.save()
        self._written.write_state(self.state)

    @override
    def write_ledger(self) -> None:
        for stream in (self.streams[own.name] for own in LEDGER_STREAMS):
            if stream.selected:
                stream.sync()

    @override
    def with_children(self, names: Collection[str]) -> list[str]:
        found = set(names)
        for name, one in self.lists.items():  # parents come before children
            if name in found:
                found |= {child.listing.name for child in one.wanted_children}
        return sorted(found & self.lists.keys())

    @override
    def missing_ids(self) -> Iterator[tuple[str, str]]:
        return missing_ids(self.run.scope, [one.list for one in self.lists.values()])

    @override
    def states_with_bookmarks(self) -> Iterator[dict[str, Any]]:
        for one in self.lists.values():
            cursor = one.listing.cursor
            if one.output.selected and cursor is not None and cursor.kind == "instant":
                for whole in one.list.wholes:
                    yield from one.list.states_within(whole)

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        # A second signal ends the process at once.
        signal.signal(signum, signal.SIG_DFL)
        self.run.stop(f"it was sent {signal.Signals(signum).name}")
