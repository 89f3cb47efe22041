"""The stream that says which rows exist, so that the target finds the disappeared ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from singer_sdk.helpers.types import Context
from typing_extensions import override

from tap_ft42.api.budget import RunEnds
from tap_ft42.census.counting import Proof
from tap_ft42.declared.contexts import cursus_of, parent_of
from tap_ft42.declared.events import Events
from tap_ft42.declared.instants import from_milliseconds
from tap_ft42.declared.words import some
from tap_ft42.lists.list_sync import ListSync
from tap_ft42.run.lifecycle import PARTIAL_FAILURES
from tap_ft42.singer.own.stream import OwnStream


class CensusStream(OwnStream):
    """The rows that exist at 42, as ranges of ids.

    It is emitted after all other streams, and uses what they have read. A full read proves
    which rows exist. For an incremental stream, the known rows are compared with the API's
    totals (`tap_ft42.census.presence`, `tap_ft42.census.counting`).
    """

    name = "census"

    @override
    def get_records(self, context: Context | None) -> Iterable[dict[str, Any]]:
        self.run.spent_before_counts = self.run.budget.spent
        try:
            for counted in self.lists.values():
                if counted.output.selected:
                    yield from self._counted(counted)
        except RunEnds as end:
            self.run.lifecycle.end_early(end)

    def _counted(self, of: ListSync) -> Iterator[dict[str, Any]]:
        name, budget, progress = of.listing.name, self.run.budget, self.run.lifecycle.progress
        spent, counted, listed, ranges = budget.spent, 0, 0, 0
        progress.begin(name)
        try:
            proofs = (one.proofs() for one in of.presences.values())
            for context, proof in chain.from_iterable(proofs):
                if proof.ids is None:
                    counted += proof.total
                else:
                    ranges, listed = ranges + 1, listed + proof.total
                yield _record(of, context, proof)
        except PARTIAL_FAILURES as failure:
            if not self.run.lifecycle.fails_alone(name, failure):
                raise
        progress.end(name)
        spent = budget.spent - spent
        if counted or ranges or spent:
            done = [f"counted {some(counted, 'row')}"] if counted or not ranges else []
            done += [f"listed the ids of {some(listed, 'row')}"] if ranges else []
            Events(name).info(
                "the census %s, for %s.",
                " and ".join(done),
                some(spent, "request"),
                happened="census",
                rows_counted=counted,
                rows_listed=listed,
                ranges=ranges,
                requests=spent,
            )


def _record(of: ListSync, context: Context | None, proof: Proof) -> dict[str, Any]:
    # The range of a mere count begins at 0, so its record does not replace one with ids.
    is_whole, personal = proof.ids is None and proof.lower == 1, of.output.personal
    return {
        "stream": of.listing.name,
        "cursus_id": cursus_of(context),
        "parent_id": parent_of(context),
        "first_id": 0 if is_whole else personal.key(proof.lower),
        "last_id": personal.key(proof.upper) if proof.upper else 0,
        "total": proof.total,
        "ids": None if proof.ids is None else list(proof.ids),
        "counted_at": from_milliseconds(int(proof.sent * 1000)),
    }
