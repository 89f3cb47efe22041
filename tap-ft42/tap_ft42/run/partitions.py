"""The partitions of a list in a run: their names, their states, and what asks for them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from tap_ft42.api.client import logger_of
from tap_ft42.api.errors import explain
from tap_ft42.api.ledger import Emitted
from tap_ft42.api.token import NoTokenError
from tap_ft42.declared.contexts import CURSUS, cursus_of, key_of, parent_of
from tap_ft42.declared.instants import DAY
from tap_ft42.declared.listing import ID
from tap_ft42.planning.priorities import last_served
from tap_ft42.planning.refresh import hidden_ids
from tap_ft42.reading.reader import ListReader

if TYPE_CHECKING:
    import logging
    from collections.abc import Hashable, Iterator, Mapping, Sequence

    from tap_ft42.api.page import Page
    from tap_ft42.declared.contexts import Context
    from tap_ft42.declared.listing import Carried, Listing
    from tap_ft42.reading.fitting import Fit
    from tap_ft42.run.host import Output
    from tap_ft42.run.run import Run


class Partitions:
    """A list in a run, as the parts by which it is read."""

    def __init__(self, run: Run, listing: Listing, output: Output) -> None:
        self.run = run
        self.listing = listing
        self.output = output
        self.children: list[Partitions] = []
        """The lists that are read for each row of this one."""
        self.plans: dict[str, dict[str, Any]] = {}
        """States by the names of the plans in the spool that this run follows."""
        self._by_cursus: dict[Hashable, list[Context | None]] = {}
        self.emitted = Emitted(listing.cursor)
        """Counts its rows that go to the target."""
        self.is_unreadable = False
        """Whether the list cannot be read in this run, but where others carry its rows."""

    @cached_property
    def reader(self) -> ListReader:
        """What reads the list."""
        run, largest = self.run, int(self.run.settings["page_size"])
        return ListReader(
            self.listing,
            client=run.client,
            pipeline=run.pipeline,
            spool=run.spool,
            ledger=run.ledger,
            largest_page=min(largest, self.listing.largest_page),
            state=lambda: self.output.stream_state,
            today=run.today,
            widths=run.widths,
        )

    @property
    def is_campus_ignored(self) -> bool:
        """Whether the API shows rows of all campuses, whichever it is asked for.

        They go to the campuses of their people then, and all of them are read at once.
        """
        ignored = self.fit_of_sweeps.can.ignored_filters
        return self.listing.campus_by_person and self.listing.parent_filter in ignored

    @property
    def tells_changes(self) -> bool:
        """Whether the API can be asked for the changes of a list that is read in full."""
        changes, can = self.listing.changes, self.fit.can
        if changes is None or not self.fit.narrows_by(changes.column):
            return False
        # Their windows overlap by a day. Shorter ones cost more than the whole list once a day.
        return can.widest_ranges.get(changes.column, 2 * DAY) >= 2 * DAY

    @property
    def fit(self) -> Fit:
        """What its route was found to do."""
        return self.reader.route(self.path).fit

    @property
    def fit_of_sweeps(self) -> Fit:
        """What the route was found to do that lists the rows of all parents."""
        return self.reader.route(self.whole_path or self.path).fit

    @property
    def has_wrong_totals(self) -> bool:
        """Whether the API was seen to count other rows of it than it shows."""
        return "wrong" in {self.fit.can.totals, self.fit_of_sweeps.can.totals}

    @property
    def logger(self) -> logging.Logger:
        """The stream's logger."""
        return logger_of(self.listing)

    # Which there are

    @property
    def is_wanted(self) -> bool:
        """Whether the list is read at all: for its own rows, or for those below it."""
        return self.output.selected or self.output.has_selected_descendents

    @property
    def wanted_children(self) -> list[Partitions]:
        """The lists that are read for each row of this one."""
        return [child for child in self.children if child.is_wanted]

    def by_cursus(self, context: Context | None) -> list[Context | None]:
        """Return the contexts in which the list is read below a parent.

        Returns:
            One for each cursus, where that is asked for by itself. Where requests are counted,
            the cursus comes first that has waited longest.
        """
        if not self.listing.by_cursus:
            return [context]
        key = key_of(context)
        if key not in self._by_cursus:
            ids = self.run.scope.cursus_ids
            contexts = [{**(context or {}), CURSUS: cursus_id} for cursus_id in ids]
            if self.run.budget.counts_requests:
                contexts.sort(key=lambda own: last_served(self.state(own)))
            self._by_cursus[key] = [*contexts]
        return self._by_cursus[key]

    @property
    def lists(self) -> list[Context | None]:
        """The contexts of the whole lists: each cursus, or None."""
        return self.by_cursus(None)

    @property
    def contexts(self) -> list[dict[str, Any]] | None:
        """The contexts of all partitions, where no parent tells them; None for one list."""
        if self.listing.parent is not None:
            return None
        if self.listing.by_cursus:
            return [dict(whole) for whole in self.lists if whole]
        backfill, state = self.run.backfill, self.output.stream_state
        is_read = backfill is not None and backfill.has_read(state)
        if self.listing.people_filter is None or is_read or self.run.is_dry_run:
            return None  # nobody has to be looked up
        batches = self.run.people.batches
        return None if batches is None else [{"user_ids": batch} for batch in batches]

    @property
    def is_one_list(self) -> bool:
        """Whether people are not asked for in batches, which share a bookmark."""
        return self.listing.people_filter is None or self.contexts is None

    def contexts_below(self, record: Mapping[str, Any]) -> Iterator[Context]:
        """Yield the contexts that a row gives the lists below it, if it is in scope."""
        if not self.listing.is_campus or self.run.scope.has_campus(record[ID]):
            for name in dict.fromkeys(child.listing.parent_id for child in self.children):
                yield {name: record[ID]}

    # Where they are kept

    def state(self, context: Context | None) -> dict[str, Any]:
        """Return the state of a partition, which may be changed."""
        return self.output.get_context_state(context)

    def states_within(self, whole: Context | None) -> list[dict[str, Any]]:
        """Return the states of a list's partitions, without what earlier settings named.

        Returns:
            Those below each parent, as far as parents are known; its own if it has none.
        """
        if self.listing.parent is None:
            return [self.state(whole)]
        cursus_id = cursus_of(self.output.partition_context(whole))
        partitions: list[dict[str, Any]] = self.output.stream_state.get("partitions", [])
        return [
            partition
            for partition in partitions
            if cursus_of(partition["context"]) == cursus_id and parent_of(partition["context"])
        ]

    def name_of(self, context: Context | None) -> str:
        """Return what a partition is called in the spool."""
        partition = self.output.partition_context(context) or {}
        named = (f"{key}={value}" for key, value in partition.items())
        return " ".join([self.listing.name, *named])

    def label_of(self, context: Context | None) -> str:
        """Return what people call a partition, if it has a parent; else nothing."""
        parent = parent_of(context) if self.listing.parent is not None else 0
        return f"{self.listing.parent_id} {parent}" if parent else ""

    def scope_of(self, context: Context | None) -> dict[str, Any]:
        """Return what the reads of a list are narrowed to, as the state remembers it."""
        campus_ids = list(self.run.scope.campus_ids)
        scope: dict[str, Any] = {"campus_ids": campus_ids, **self.run.privacy.scope}
        return {CURSUS: cursus_of(context), **scope} if self.listing.by_cursus else scope

    def bookmark_scope(self, context: Context | None) -> dict[str, Any]:
        """Return what a bookmark is good for: of one parent, for any scope."""
        scope = self.scope_of(context)
        if self.listing.parent is not None:
            del scope["campus_ids"]
        return scope

    # What asks for them

    @property
    def carried(self) -> Carried | None:
        """Where the list stands within another one in this run."""
        is_carried = self.run.scope.campus_ids or self.is_unreadable
        return self.listing.carried if is_carried else None

    @property
    def path(self) -> str:
        """Its route in this run, with names in braces for what a context tells."""
        return self.listing.path if self.carried is None else self.carried.path

    @property
    def whole_path(self) -> str | None:
        """The route that lists the rows of all parents; None if the API has none."""
        return self.listing.whole_path if self.carried is None else self.carried.path

    def turn_to_carrier(self, failure: Exception) -> bool:
        """Read from now on what carries the rows of the list, which failed, if that is new."""
        is_new = self.listing.carried is not None and self.carried is None
        if not is_new or isinstance(failure, NoTokenError):
            return False
        self.is_unreadable = True
        self.logger.warning(
            "%s: the list cannot be read. Its rows are taken from %s, and what stands in none "
            "of these is missing. %s",
            self.listing.name,
            self.path,
            explain(failure),
            extra={"happened": "carried_instead"},
        )
        return True

    def unpacked(self, page: Page) -> Page:
        """Return a page with the list's records, where those of another list carry them."""
        carried = self.carried
        if carried is None:
            return page
        return page.holding(
            [
                record
                for carrier in page.records()
                if isinstance(carrier, dict)
                and self.run.scope.has_campus(carrier.get(carried.campus_column))
                for record in carrier.get(carried.column) or ()
            ]
        )

    def query(self, context: Context | None) -> dict[str, Any]:
        """Return the query parameters of a read, without those of paging."""
        listing = self.listing
        query: dict[str, Any] = {**listing.filters}
        if listing.campus_filter is not None and self.run.scope.campus_ids:
            query[listing.campus_filter] = ",".join(map(str, self.run.scope.campus_ids))
        if listing.cursus_filter is not None:
            query[listing.cursus_filter] = cursus_of(context)
        if listing.people_filter is not None:
            query[listing.people_filter] = (context or {}).get("user_ids")
        elif listing.is_filtered_by_parent and listing.parent_filter is not None:
            query |= {listing.parent_filter: parent} if (parent := parent_of(context)) else {}
        return query

    def contexts_of(
        self, records: Sequence[Mapping[str, Any]], contexts: Sequence[Context | None]
    ) -> Mapping[int, Context | None]:
        """Find out to which parents the rows of a sweep belong.

        Returns:
            Those of them that the rows have, by the ids of the rows; none where only the
            request tells.
        """
        if not self.listing.campus_by_person:
            return {}
        by_campus = {parent_of(context): context for context in contexts}
        hidden = hidden_ids(self.output.stream_state)
        campuses = self.run.people.campuses_of_rows(records, by_campus, hidden)
        return {row: by_campus[campus] for row, campus in campuses.items()}

    # What is read outside of their turns

    def read_apart(
        self,
        queries: Sequence[Mapping[str, Any]],
        name: str,
        context: Context | None = None,
        *,
        path: str | None = None,
        is_proof: bool = False,
    ) -> Iterator[Any]:
        """Read records in full that no partition asks for.

        Args:
            queries: Parameters that select them; those of several are asked for at once.
            name: What to call it in the spool.
            context: The context of their list, if it has one.
            path: Where they are, if not where the list is.
            is_proof: Whether what does not come is taken for gone.

        Yields:
            Records; some perhaps twice.
        """
        self.plans[name] = {}
        path = path or self.path
        sources = [self.reader.source(context, query, name, path=path) for query in queries]
        yield from self.reader.read_apart(sources, self.run.times.until, is_proof=is_proof)
