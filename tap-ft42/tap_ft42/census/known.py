"""The known rows of a stream with bookmarks, and the census that finds which disappeared.

The state of an incremental stream holds under ``census``, beside its bookmarks:

``ids`` or, if there are too many, ``greatest``
    The ids of the known rows, or the greatest one.
``days``
    When the rows were created: see `tap_ft42.census.days`.
``open_ids``, ``kinds``
    Ids of rows that can still disappear, in a list whose settled rows cannot, and the kind of
    each: see `tap_ft42.census.open`.
``owners``
    Whose the rows without ids are: see `tap_ft42.census.owners`.
``leavers``
    Who has left since the days were last compared.
``statuses``
    Filter values that select these rows.
``basis``
    The scope of the stream. In another scope, a new account is begun.
``taken``
    When the run of the last census began. The next census is due after ``census_hour``.
``refreshed``
    Highest id of the part that was last read again.
``owed``
    How many rows are overdue to be read again: less than a page, unless there were too few
    requests.
``left``
    Until when another filter has shown which rows left the list.
``collapsed``
    When a census began that found most rows gone; see `tap_ft42.planning.collapse`.
``since``
    When the account was begun. It stays until a census has proven the known rows.
``is_mixed``
    Whether the API lists rows that are skipped. Then its totals tell a reader nothing.
``next_id``
    The id below which all rows are known. It stays while rows of earlier runs are unknown.

A row enters the account before a bookmark that passes the row is written.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from typing_extensions import override

from tap_ft42.api.page import Page, with_ids
from tap_ft42.census.accounts import Account
from tap_ft42.census.allowance import end_of, requests_left
from tap_ft42.census.audit import Audit
from tap_ft42.census.counting import Proof
from tap_ft42.census.findings import Findings
from tap_ft42.census.inquiry import Inquiry, Read, gone, looked_at
from tap_ft42.census.list_census import ListCensus
from tap_ft42.census.packing import unpacked_ids
from tap_ft42.census.presence import STATE, Presence, is_counted
from tap_ft42.census.totals import TotalsCensus
from tap_ft42.declared.contexts import Context, key_of, parent_of
from tap_ft42.declared.events import Events
from tap_ft42.declared.instants import from_milliseconds, milliseconds
from tap_ft42.planning.bookmarks import is_same_scope
from tap_ft42.planning.collapse import COLLAPSED
from tap_ft42.planning.nights import is_due
from tap_ft42.reading.ids import IdSet
from tap_ft42.run.list_in_run import ListInRun


class KnownRows(Presence):
    """The rows of a list with bookmarks, of all its partitions together."""

    def __init__(self, counted: ListInRun, whole: Context | None = None) -> None:
        """Know no row yet; `whole` is the list's context, which names its cursus, if any."""
        super().__init__(counted)
        self._whole = whole
        self._account: Account | None = None
        self._censuses: list[Inquiry] = []
        self._is_open = self._is_short = self._is_refreshed = False
        self._since: dict[int, int | None] = {}
        self._complete: list[Context | None] = []
        self._open_parts: set[Hashable] = set()
        self._left_out = IdSet()
        self._seen = IdSet()

    # While the stream is read

    @override
    def is_short(self) -> bool:
        kept = self._state.get(STATE) or {}
        if not kept:
            return self._is_short
        is_known = is_same_scope(kept.get("basis"), self._basis) and "next_id" not in kept
        is_due = requests_left(self._run) > 0 and self._is_due(kept)
        if is_known and is_due:
            with suppress(KeyError, ValueError):
                # Another page may follow a full one.
                self._is_short = len(unpacked_ids(kept["ids"])) < self._list.reader.page_size
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
    def _state(self) -> dict[str, Any]:
        """The SDK's state of the list."""
        return self._list.state(self._whole)

    def _open(self, state: dict[str, Any]) -> None:
        """Restore the account from the state, or begin one."""
        kept: dict[str, Any] = state.pop(STATE, None) or {}
        # Other lists need the people of a scope, even if nobody counts them.
        tells = self._list.listing.tells == "people" and self._run.scope.campus_ids
        is_wanted = is_counted(self._list) or (tells and self._run.is_whole)
        if not self._list.is_one_list or not (kept or is_wanted):
            return
        is_kept = is_same_scope(kept.get("basis"), self._basis)
        self._account = (self._restored(kept) if is_kept else None) or self._begun()
        self._account.note(basis=self._basis)

    @property
    def _basis(self) -> dict[str, Any]:
        start_date = self._run.settings.get("start_date")
        return {**self._list.scope_of(self._whole), "start_date": start_date}

    def _restored(self, kept: Mapping[str, Any]) -> Account | None:
        try:
            return Account.restored(kept, self._list.listing.census)
        except (KeyError, ValueError):
            Events(self._list.listing.name).warning(
                "what the state says of its rows cannot be read; they are counted anew.",
                happened="census_lost",
            )
            return None

    def _begun(self) -> Account:
        """Begin an account, without the rows that earlier runs have read."""
        notes: dict[str, Any] = {"since": from_milliseconds(self._run.began)}
        if any(map(_has_begun, self._list.states_within(self._whole))):
            return Account({**notes, "next_id": 1})
        return Account(notes, self._list.listing.census)

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
        for record in with_ids(records):
            is_new = since is None or self._is_later(record, since)
            self._account.take(record, is_new=is_new)

    @override
    def complete(self, context: Context | None) -> None:
        self._open_parts.discard(key_of(context))
        if self._account is not None:
            self._complete.append(context)

    @override
    def see(self, row_id: int) -> None:
        # A row that the list itself does not show is not counted.
        if self._account is not None and row_id in self._account:
            self._seen.add(row_id)

    @override
    def leave_out(self, row_id: int) -> None:
        self._left_out.add(row_id)
        if self._account is not None and "is_mixed" not in self._account.notes:
            self._account.note(is_mixed=True)

    @override
    def note_refreshed(self) -> None:
        self._is_refreshed = True

    @property
    @override
    def ids(self) -> Iterable[int] | None:
        account = self._account
        if account is None or not self._complete or "next_id" in account.notes:
            return None
        return account.ids if account.is_exact else None

    @override
    def save(self) -> None:
        if self._account is not None and self._account.has_changed:
            self._state[STATE] = self._account.as_state()
            self._account.has_changed = False

    # Afterwards

    @property
    @override
    def audits(self) -> Sequence[Findings]:
        found = [census.findings for census in self._censuses]
        return [findings for findings in found if findings is not None]

    @override
    def proofs(self) -> Iterator[tuple[Context | None, Proof]]:
        if self._account is None or not self._complete:
            return
        if self._list.listing.census.left_filters and None not in self._since.values():
            # A change took these rows out of the stream, and 42 ignores the filter that tells.
            for row in self._left_out:
                yield self._whole, gone(row, self._run.began / 1000)
        if not self._is_due(self._account.notes):
            return
        if not requests_left(self._run):  # a later run takes it
            self._tell_put_off()
            return
        account, departures = self._account, self._run.people.departures
        account.shrink()
        is_of_people = self._list.listing.tells == "people"
        before = set(account.ids) if is_of_people else set[int]()
        if self._are_all_seen(account):
            account.notes.pop(COLLAPSED, None)
            yield self._whole, looked_at(self._run.clock.time())
        else:
            for census in self._taken_in_turn(account):
                self._censuses.append(census)
                for proof in census.proofs():
                    yield self._whole, proof
        departures.people += len(before)
        departures.gone |= before.difference(account.ids)
        account.note(taken=from_milliseconds(self._run.began))

    def _are_all_seen(self, account: Account) -> bool:
        """Tell whether tonight's read of all rows, or of all people, showed each known row."""
        is_asked = self._list.listing.movers is not None and "since" not in account.notes
        is_told = (is_asked or self._is_short) and account.is_exact
        return is_told and all(row in self._seen for row in account.ids)

    @property
    def _are_parents_read(self) -> bool:
        """Whether all known parents were read. Not so if their own list cannot be read."""
        parent, scope = self._list.listing.parent, self._run.scope
        if parent is None:
            return True
        known = {
            parent_of(state["context"])
            for state in self._list.states_within(self._whole)
            if _has_begun(state)
        }
        if parent.is_campus:
            known = {*filter(scope.has_campus, known)}
        return known <= {parent_of(context) for context in self._complete}

    def _taken_in_turn(self, account: Account) -> Iterator[Inquiry]:
        """Yield the censuses of the list, each once the one before is over."""
        read = Read(
            self._list,
            self._complete,
            self._left_out,
            self._seen,
            is_all=not self._open_parts and self._are_parents_read,
            is_refreshed=self._is_refreshed,
            account=account,
            end=end_of(self._list.listing.census.share, self._run),
        )
        graph = self._list.listing.graph
        audit = None if graph is None else Audit(read, graph)
        if audit is not None and audit.is_possible:
            yield audit
        if account.is_exact:
            yield ListCensus(read, is_proven=audit is not None and audit.is_proof)
        elif audit is None or audit.findings is None:
            yield TotalsCensus(read)

    def _is_due(self, notes: Mapping[str, Any]) -> bool:
        if not is_counted(self._list) or self._run.lifecycle.ends_early:
            return False
        hour = self._run.settings["census_hour"]
        return hour >= 0 and is_due(milliseconds(notes.get("taken")), self._run.began, hour)

    def _tell_put_off(self) -> None:
        """Log that reading has used up what a census may use of the hour."""
        Events(self._list.listing.name).warning(
            "its rows are not counted, as this hour has no requests left for it. A later "
            "run counts them; `census_requests` allows more.",
            happened="census_put_off",
        )


def _has_begun(state: Mapping[str, Any]) -> bool:
    """Tell whether rows of a list or of a partition have been read before."""
    return bool(state.get("replication_key_value") or state.get("from_scratch"))
