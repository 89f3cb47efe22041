"""The stream that tells which rows exist, and so which have disappeared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Stream, StreamSchema
from typing_extensions import override

from tap_ft42.api.budget import RunEnds
from tap_ft42.declared.contexts import cursus_of, parent_of
from tap_ft42.declared.instants import from_milliseconds
from tap_ft42.run.lifecycle import ALONE
from tap_ft42.run.logs import some
from tap_ft42.singer.rows import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from singer_sdk.helpers.types import Context

    from tap_ft42.census.counting import Proof
    from tap_ft42.singer.stream import FT42Stream
    from tap_ft42.tap import TapFT42

_SHARE = 4
"""Which part of the hour's requests may have been sent before counts end, unless the
settings say otherwise: others need the rest."""


class CensusStream(Stream):
    """Which rows the API has, range of ids by range of ids.

    It is read after all other streams, from what these have read themselves: a full
    read proves what exists, and what an incremental stream knows is compared with the
    API's totals (`tap_ft42.census.presence`, `tap_ft42.census.counting`).
    """

    name = "census"
    schema: ClassVar[StreamSchema[str]] = StreamSchema(SCHEMAS)

    _tap: TapFT42

    def __init__(self, tap: TapFT42) -> None:
        """Take the key from the schema.

        Args:
            tap: The tap whose streams are counted.
        """
        super().__init__(tap)
        self.primary_keys = self.schema["x-primary-key"]

    @property
    def left(self) -> int | None:
        """Requests that are left for counts in this hour; None for any number."""
        per_hour = self.config["requests_per_hour"]
        most: int = self.config.get("census_requests") or per_hour // _SHARE
        spent = self._tap.quota.spent if per_hour else self._tap.budget.spent
        return max(most - spent, 0) if most else None

    @property
    def left_between(self) -> int:
        """Requests that are left for a list in a run that takes no census of it."""
        left: int = self.config["recheck_requests"] - self._tap.budget.spent
        return max(left, 0) // len(self._tap.scope.cursus_ids)

    @override
    def get_records(self, context: Context | None) -> Iterable[dict[str, Any]]:
        try:
            yield from self._records()
        except RunEnds as end:
            self._tap.lifecycle.end_early(end)

    @override
    def _write_state_message(self) -> None:
        """Write the state with what every stream is known to have."""
        self._tap.write_state()

    def _records(self) -> Iterator[dict[str, Any]]:
        for stream in self._tap.api_streams.values():
            if stream.selected:
                yield from self._counted(stream)

    def _counted(self, stream: FT42Stream) -> Iterator[dict[str, Any]]:
        budget, progress = self._tap.budget, self._tap.lifecycle.progress
        spent, counted, listed, ranges = budget.spent, 0, 0, 0
        progress.begin(stream.name)
        try:
            for context, proof in stream.presence.proofs():
                if proof.ids is None:
                    counted += proof.total
                else:
                    ranges, listed = ranges + 1, listed + proof.total
                yield _record(stream, context, proof)
        except ALONE as failure:
            if not self._tap.lifecycle.fails_alone(stream, failure):
                raise
        progress.end(stream.name)
        spent = budget.spent - spent
        if counted or ranges or spent:
            stream.logger.info(
                "%s: the census counted %s and listed %s in %s of ids, for %s.",
                stream.name,
                some(counted, "row"),
                f"{listed:,}",
                some(ranges, "range"),
                some(spent, "request"),
                extra={
                    "happened": "census",
                    "rows_counted": counted,
                    "rows_listed": listed,
                    "ranges": ranges,
                    "requests": spent,
                },
            )


def _record(stream: FT42Stream, context: Context | None, proof: Proof) -> dict[str, Any]:
    # What was only counted begins at 0, so that it does not take the place of ids.
    is_whole = proof.ids is None and proof.lower == 1
    return {
        "stream": stream.name,
        "cursus_id": cursus_of(context),
        "parent_id": parent_of(context),
        "first_id": 0 if is_whole else stream.personal.key(proof.lower),
        "last_id": stream.personal.key(proof.upper) if proof.upper else 0,
        "total": proof.total,
        "ids": None if proof.ids is None else list(proof.ids),
        "counted_at": from_milliseconds(int(proof.sent * 1000)),
    }
