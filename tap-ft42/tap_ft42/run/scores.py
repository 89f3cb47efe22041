"""How points are kept fresh, which change without ``updated_at``.

Two signs betray a membership whose points moved. ``this_year_score_updated_at`` does,
if the API narrows the list by it: then one window holds all of them, as long as it
begins where the last one ended. And the total of its coalition does: where a total is
another one than at the last full read of the coalition, and no row of the window says
why, the coalition is read in full again.

In the state of the stream stand, below ``scores``:

``read_until``
    Upper bound of the last window.
``has_range``, ``asked_at``
    Whether the API narrows the list by this range, and when it was asked.

In the state of a partition stand ``total_score``, the coalition's total before its last
full read, and ``total_score_seen`` while one goes on.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk.exceptions import FatalAPIError
from typing_extensions import override

from tap_ft42.declared.instants import from_milliseconds, milliseconds
from tap_ft42.planning.bookmarks import full_read
from tap_ft42.planning.refreshing import forget_position
from tap_ft42.reading.pipeline import NOW
from tap_ft42.reading.spool import FRESH
from tap_ft42.reading.totals import ListAt, ask_one, one_of
from tap_ft42.singer.stream import FT42Stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from singer_sdk.helpers.types import Context

    from tap_ft42.api.ledger import Tally

_WEEK = 7 * 24 * 3_600_000
"""Milliseconds after which the API is asked again whether it knows the range."""

_RANGE = "range[this_year_score_updated_at]"
_PROBE = f"{from_milliseconds(0)},{from_milliseconds(1000)}"
"""A window in which no points moved: what answers with rows ignores the range."""


class ScoredStream(FT42Stream):
    """Memberships in coalitions, with points."""

    extra_requests = 1

    list_path: ClassVar[str]
    """Where the API lists the memberships of all coalitions."""

    _are_scores_emitted = False
    _scores_tally: Tally | None = None
    _scores_until = 0

    @override
    def take_up(self, context: Context | None, state: dict[str, Any]) -> None:
        super().take_up(context, state)
        totals, coalition_id = self._tap.coalition_totals, state["context"]["coalition_id"]
        if coalition_id in totals:
            if not self._knows_scores(state, totals[coalition_id]):
                forget_position(state)
            if not state.get("replication_key_value"):
                # What is read now and later belongs to this total or to a later one.
                state.setdefault("total_score_seen", totals[coalition_id])

    def _knows_scores(self, state: Mapping[str, Any], total: object) -> bool:
        """Tell whether the points of a coalition are those that make up its total."""
        return ("total_score" in state and state["total_score"] == total) or state["context"][
            "coalition_id"
        ] in {membership.get("coalition_id") for membership in self._moved}

    @override
    def request_records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        is_due = not self._tap.is_dry_run and self.backfill is None
        if is_due and not self._are_scores_emitted:
            self._are_scores_emitted = True
            yield from self._emitted_scores()
        yield from super().request_records(context)
        state = self.get_context_state(context)
        coalition_id, totals = state["context"]["coalition_id"], self._tap.coalition_totals
        if coalition_id in totals and not self._tap.lifecycle.ends_early:
            state["total_score"] = state.pop("total_score_seen", totals[coalition_id])

    def _emitted_scores(self) -> Iterator[dict[str, Any]]:
        moved = self._moved
        self._tally = self._scores_tally if self.selected else None
        self._since = ""
        yield from moved
        self._scores["read_until"] = from_milliseconds(self._scores_until)

    @property
    def _scores(self) -> dict[str, Any]:
        state: dict[str, Any] = self.stream_state.setdefault("scores", {})
        return state

    @cached_property
    def _moved(self) -> list[dict[str, Any]]:
        """The memberships of known coalitions whose points moved since the last window."""
        times = self._tap.times
        self._scores_until = times.until
        read_until = milliseconds(self._scores.get("read_until"))
        if read_until is None or not self._has_range():
            return []
        name = f"scores of {self.name}"
        self._plans[name] = {}
        stops = self.spool.follow(name, {}, times.until, longest_age=FRESH)
        self._scores_until = max(read_until, stops[-1])
        lower = read_until - times.overlap
        window = f"{from_milliseconds(lower)},{from_milliseconds(self._scores_until)}"
        source = ListAt(self, None, {_RANGE: window}, name, self.list_path)
        self._scores_tally = source.tally
        source.tally.cover(lower, self._scores_until, tells_changes=True)
        step = full_read({}, self._scores_until, is_sortable=True, has_ranges=True)
        pipeline = self._tap.pipeline
        reading = pipeline.read(NOW, source, step.read, retried=self.request_decorator)
        known = {
            partition["context"]["coalition_id"]
            for partition in self.stream_state.get("partitions", ())
        }
        return [
            record
            for part, _ in pipeline.parts(reading)
            for record in ([] if part.page is None else part.page.records())
            if isinstance(record, dict) and record.get("coalition_id") in known
        ]

    def _has_range(self) -> bool:
        """Tell whether the API narrows the list by the range; it is asked once a week."""
        scores, now = self._scores, self._tap.began
        asked_at = milliseconds(scores.get("asked_at"))
        if asked_at is None or not 0 <= now - asked_at < _WEEK:
            scores["has_range"] = self._asked_for_nothing()
            scores["asked_at"] = from_milliseconds(now)
        has_range: bool = scores["has_range"]
        return has_range

    def _asked_for_nothing(self) -> bool:
        try:
            probe = ask_one(self, self.list_path, {_RANGE: _PROBE})
            return not one_of(self.pipeline, probe).count
        except FatalAPIError:
            return False
