"""Which rows of a stream with bookmarks are known, and how a census finds those that went.

The state of an incremental stream holds under ``census``, beside its bookmarks:

``ids``, or ``slices``, ``rows`` and ``greatest``
    The tally: what was read and not found gone. With `tap_ft42.census.tallies.LONGEST`
    characters at most it is what bounds the state.
``basis``
    What the stream is narrowed to. A tally says nothing about another scope.
``taken``
    When the last census was complete. The next one is due once ``census_hour`` has
    struck.
``refreshed``
    Highest id of the part that was read or, of a large stream, counted last.
``owed``
    Rows that should have been read again by now, beyond those that were: less than a page,
    unless there were too few requests.
``left``
    Up to when is known which rows have left the list that another filter names.
``since``
    While no census has proven the tally: when it was begun.
``is_mixed``
    Whether the API lists rows that are not emitted, as its filter lets them through.
    Totals are no news for a reader then, and are left out of the census.
``next_id``
    While rows are not in the tally that were read before it was begun: the id
    below which all are.

Where a stream has too many rows for their ids, some of them may be held apart: see
`tap_ft42.census.settled`. What the census of a list asks is in `tap_ft42.census.list_census`.

A row is accounted for before the state that passes it is written, so the two agree
whatever becomes of a run. A census that was cut short is due again, and goes on
from what it has proven.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_ft42.census.accounts import Account
from tap_ft42.census.audit import Audit
from tap_ft42.census.days import UNKNOWN, Days, moment_of
from tap_ft42.census.inquiry import Read, looked_at
from tap_ft42.census.list_census import ListCensus
from tap_ft42.census.presence import STATE, Presence
from tap_ft42.census.settled import OPEN, OpenCensus, Split
from tap_ft42.census.tallies import Tally, unpacked
from tap_ft42.census.terms import is_counted, is_tallied
from tap_ft42.census.totals import SettledCensus
from tap_ft42.census.unnamed import BELIEVED, DEPARTED
from tap_ft42.declared.contexts import key_of, parent_of
from tap_ft42.declared.instants import from_milliseconds, milliseconds
from tap_ft42.planning.bookmarks import is_same_scope
from tap_ft42.planning.nights import is_due
from tap_ft42.reading.ids import IdSet

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

    from tap_ft42.api.page import Page
    from tap_ft42.census.counting import Proof
    from tap_ft42.census.findings import Findings
    from tap_ft42.census.terms import CensusTerms, CountedList
    from tap_ft42.declared.contexts import Context

_NOTES = (
    "taken", "refreshed", "owed", "left", "since", "is_mixed", "next_id", "is_split", "others",
    BELIEVED, DEPARTED,
)  # fmt: skip


class KnownRows(Presence):
    """The rows of a list with bookmarks, of all its contexts together."""

    def __init__(
        self, counted: CountedList, terms: CensusTerms, whole: Context | None = None
    ) -> None:
        """Know nothing yet.

        Args:
            counted: The list.
            terms: By what its census goes.
            whole: The context of the list, if it has one: its cursus.
        """
        self._list = counted
        self._terms = terms
        self._whole = whole
        self._account: Account | None = None
        self._split: Split | None = None
        self._audit: Audit | None = None
        self._is_open = self._is_short = self._is_refreshed = False
        self._since: dict[int, int | None] = {}
        self._complete: list[Context | None] = []
        self._open_parts: set[Hashable] = set()
        self._left_out = IdSet()
        self._seen = IdSet()

    # While the stream is read

    @override
    def is_short(self, context: Context | None) -> bool:
        kept = self._state.get(STATE) or {}
        is_known = is_same_scope(kept.get("basis"), self._basis) and "next_id" not in kept
        if self._list.listing.parent is None and is_known and self._is_due(kept):
            with suppress(KeyError, ValueError):
                # A full page might have a successor.
                self._is_short = len(unpacked(kept["ids"])) < self._list.reader.page_size
        return self._is_short

    @override
    def begin(self, context: Context | None) -> None:
        self._open_parts.add(key_of(context))
        state = self._list.state(context)
        if not self._is_open:
            self._is_open = True
            self._open(self._state)
        if self._account is None:
            return
        is_loaded = state.get("replication_key_value") is not None
        self._since[parent_of(context)] = (
            milliseconds(state.get("read_until")) if is_loaded else None
        )

    @property
    def _is_dated(self) -> bool:
        """Whether it counts when the rows were created."""
        return self._list.listing.graph is not None

    @property
    def _state(self) -> dict[str, Any]:
        """The SDK's state of the list."""
        return self._list.state(self._whole)

    def _open(self, state: dict[str, Any]) -> None:
        """Take up the account of the state, or begin one."""
        kept: dict[str, Any] = state.pop(STATE, None) or {}
        basis, is_one_list = self._basis, self._list.is_one_list
        if not is_one_list or not (kept or is_tallied(self._list, self._terms)):
            return
        is_kept = is_same_scope(kept.get("basis"), basis)
        account = self._restored(kept) if is_kept else None
        has_begun = any(map(_has_begun, self._list.states_within(self._whole)))
        self._account = account or self._begun(is_complete=not has_begun)
        self._account.note(basis=basis)

    @property
    def _basis(self) -> dict[str, Any]:
        return {**self._list.scope_of(self._whole), "start_date": self._terms.start_date}

    def _restored(self, kept: Mapping[str, Any]) -> Account | None:
        settled, size = self._list.listing.census.settled, self._list.reader.page_size
        try:
            account = Account.restored(kept, _NOTES, page_size=size, is_dated=self._is_dated)
            if settled is not None and OPEN in kept:
                self._split = Split(
                    settled, account, kept[OPEN], page_size=size, is_dated=self._is_dated
                )
        except (KeyError, ValueError):
            self._list.logger.warning(
                "%s: what the state says of its rows cannot be read; they are counted anew.",
                self._list.listing.name,
                extra={"happened": "census_lost"},
            )
            return None
        return account

    def _begun(self, *, is_complete: bool) -> Account:
        settled, size = self._list.listing.census.settled, self._list.reader.page_size
        notes: dict[str, Any] = {"since": from_milliseconds(self._terms.began)}
        if not is_complete:
            notes["next_id"] = 1
        account = Account(Tally(page_size=size), notes, Days() if self._is_dated else None)
        if is_complete and settled is not None:
            self._split = Split(settled, account, None, page_size=size, is_dated=self._is_dated)
        return account

    def _is_later(self, record: Mapping[str, Any], since: int) -> bool:
        """Tell whether a row is from after an instant."""
        cursor = self._list.listing.cursor
        tells = cursor is not None and cursor.kind == "instant" and not cursor.moves
        column = cursor.column if cursor is not None and tells else "created_at"
        return (milliseconds(record.get(column)) or 0) > since

    @override
    def note(self, page: Page, records: Sequence[Any], context: Context | None) -> None:
        if self._account is None:
            return
        self._seen.update(page.ids)
        since = self._since.get(parent_of(context))
        if self._split is not None:
            self._split.note(records, since)
        elif not self._is_dated and (self._account.tally.is_exact or since is None):
            for number in page.ids:
                self._account.add(number)
        else:
            for record in records:
                if isinstance(record, dict) and type(record.get("id")) is int:
                    is_new = since is None or self._is_later(record, since)
                    moment = moment_of(record) if self._is_dated else UNKNOWN
                    self._account.add(record["id"], is_new=is_new, moment=moment)

    @override
    def complete(self, context: Context | None) -> None:
        self._open_parts.discard(key_of(context))
        if self._account is not None:
            self._complete.append(context)

    @override
    def doubt(self, context: Context | None) -> None:
        """Do nothing: what is gone a census finds out by itself."""

    @override
    def see(self, row_id: int, context: Context | None) -> None:
        # What the list itself does not show is no part of what is counted.
        if self._account is not None and row_id in self._account.tally:
            self._seen.add(row_id)

    @override
    def leave_out(self, row_id: int, context: Context | None) -> None:
        self._left_out.add(row_id)
        if self._account is not None and "is_mixed" not in self._account.notes:
            self._account.note(is_mixed=True)

    @override
    def note_refreshed(self, context: Context | None) -> None:
        self._is_refreshed = True

    @property
    @override
    def ids(self) -> Iterable[int] | None:
        account = self._account
        if account is None or not self._complete or "next_id" in account.notes:
            return None
        return account.tally.ids if account.tally.is_exact else None

    @override
    def save(self) -> None:
        self._divide()
        accounts = self._accounts
        if any(account.has_changed for account in accounts):
            kept = accounts[0].as_state()
            if self._split is not None:
                kept[OPEN] = self._split.open.as_state()
            self._state[STATE] = kept
            for account in accounts:
                account.has_changed = False

    def _divide(self) -> None:
        """Make two lists of one, or one of two, if that is of use by now."""
        if self._split is None:
            return
        if self._split.is_of_use:
            self._split.make()
        else:
            self._split.undo()
            self._split = None

    @property
    def _accounts(self) -> list[Account]:
        if self._account is None:
            return []
        return [self._account, *([self._split.open] if self._split else [])]

    # Afterwards

    @property
    @override
    def audits(self) -> Sequence[Findings]:
        if self._audit is None or not self._audit.is_served:
            return []
        return [self._audit.findings]

    @override
    def proofs(self) -> Iterator[tuple[Context | None, Proof]]:
        if self._account is None or not self._complete or not self._is_due(self._account.notes):
            return
        self._divide()
        if self._are_all_seen(self._account):
            yield self._whole, looked_at(self._terms.now())
            self._account.note(taken=from_milliseconds(self._terms.began))
            if self._list.listing.tells == "people":
                self._terms.departures.people += self._account.tally.expectation.total
            return
        is_of_people = self._list.listing.tells == "people"
        before = set(self._account.tally.ids) if is_of_people else set[int]()
        for census in self._censuses(self._account):
            for proof in census.proofs():
                yield self._whole, proof
        self._terms.departures.people += len(before)
        self._terms.departures.gone += len(before.difference(self._account.tally.ids))
        for account in self._accounts:
            account.note(taken=from_milliseconds(self._terms.began))

    def _are_all_seen(self, account: Account) -> bool:
        """Tell whether all known rows came tonight, as all or their people were asked for."""
        is_asked = self._list.listing.movers is not None and "since" not in account.notes
        is_told = (is_asked or self._is_short) and account.tally.is_exact
        return is_told and all(row in self._seen for row in account.tally.ids)

    def _censuses(self, account: Account) -> Iterator[Audit | ListCensus | SettledCensus]:
        read = Read(
            self._list,
            self._terms,
            self._complete,
            self._left_out,
            self._seen,
            is_all=not self._open_parts,
            is_refreshed=self._is_refreshed,
        )
        split = self._split if self._split is not None and self._split.is_made else None
        graph = self._list.listing.graph
        audit = None if graph is None else Audit(read, graph, account, split)
        if audit is not None and audit.is_possible:
            self._audit = audit
            yield audit
        is_served = audit is not None and audit.is_served
        if split is None and (account.tally.is_small or not is_served):
            yield ListCensus(read, account, is_proven=audit is not None and audit.is_proof)
        elif split is not None and not is_served:
            yield OpenCensus(read, split)
            yield SettledCensus(read, split)

    def _is_due(self, notes: Mapping[str, Any]) -> bool:
        is_wanted = is_counted(self._list, self._terms) and not self._terms.ends_early()
        if not is_wanted or self._terms.left == 0:  # a later run takes it
            return False
        taken = notes.get("taken")
        return is_due(
            datetime.fromisoformat(taken) if taken else None,
            datetime.fromtimestamp(self._terms.began / 1000, UTC),
            self._terms.hour,
        )


def _has_begun(state: Mapping[str, Any]) -> bool:
    """Tell whether rows of a list or of a partition have been read before."""
    return bool(state.get("replication_key_value") or state.get("from_scratch"))
