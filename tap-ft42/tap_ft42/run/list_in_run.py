"""A list in a run: its partitions, their names and states, and its requests."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from tap_ft42.api.errors import explain
from tap_ft42.api.ledger import Emitted
from tap_ft42.api.page import Page, id_within
from tap_ft42.api.token import NoTokenError
from tap_ft42.declared.contexts import CURSUS, Context, cursus_of, key_of, parent_of
from tap_ft42.declared.events import Events
from tap_ft42.declared.instants import from_milliseconds
from tap_ft42.declared.listing import ID, Carrier, Listing
from tap_ft42.planning.bookmarks import last_served
from tap_ft42.reading.asking import IncompleteReadError
from tap_ft42.reading.facts import RouteFacts
from tap_ft42.reading.places import NOW
from tap_ft42.reading.reader import ListReader
from tap_ft42.reading.regions import MAX_ID
from tap_ft42.reading.route import Route
from tap_ft42.reading.spool import FRESH
from tap_ft42.run.host import Output
from tap_ft42.run.run import Run


class ListInRun:
    """A list of the API in one run."""

    def __init__(self, run: Run, listing: Listing, output: Output) -> None:
        self.run = run
        self.listing = listing
        self.output = output
        self.children: list[ListInRun] = []
        """The lists that are read for each row of this one."""
        self.plans: dict[str, Sequence[dict[str, Any]]] = {}
        """The plans that this run follows: states of partitions, by the plan's name."""
        self._by_cursus: dict[Hashable, list[Context | None]] = {}
        self.emitted = Emitted(listing.cursor)
        """Counts the rows that go to the target."""
        self.listed_ids: set[object] | None = None
        """The ids of all rows of a reference list, if the run has listed them all."""
        self.is_unreadable = False
        """Whether the list failed in this run, so its rows are taken from another list."""
        self._take_from(listing.carrier if run.scope.campus_ids else None)

    @cached_property
    def reader(self) -> ListReader:
        """Reads the list."""
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
        """Whether the API ignores the campus filter, and sends the rows of all campuses.

        Then all rows are read at once, and each goes to the campus of its person.
        """
        if not self.listing.campus_by_person:
            return False
        return self.listing.parent_filter in self.facts_of_sweeps.can.ignored_filters

    @property
    def route(self) -> Route:
        """The list's route."""
        return self.reader.route(self.path)

    @property
    def facts(self) -> RouteFacts:
        """What was observed of the list's route."""
        return self.reader.route(self.path).facts

    @property
    def route_of_sweeps(self) -> Route:
        """The route that lists the rows of all parents."""
        return self.reader.route(self.whole_path or self.path)

    @property
    def facts_of_sweeps(self) -> RouteFacts:
        """What was observed of that route."""
        return self.reader.route(self.whole_path or self.path).facts

    @property
    def has_wrong_totals(self) -> bool:
        """Whether the API's totals were seen to differ from the rows that it sends."""
        return self.facts.has_wrong_totals or self.facts_of_sweeps.has_wrong_totals

    # Which partitions there are

    @property
    def is_wanted(self) -> bool:
        """Whether the list is read at all: for its own rows, or for its children."""
        return self.output.selected or self.output.has_selected_descendents

    @property
    def wanted_children(self) -> list[ListInRun]:
        """The lists that are read for each row of this one."""
        return [child for child in self.children if child.is_wanted]

    def by_cursus(self, context: Context | None) -> list[Context | None]:
        """Return the contexts of the list's partitions below a parent: one for each cursus.

        If `max_requests` limits the run, the cursus that has waited longest comes first.
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

    @cached_property
    def wholes(self) -> list[Context | None]:
        """The contexts of the whole list: one for each cursus, or only None."""
        return self.by_cursus(None)

    @property
    def contexts(self) -> list[dict[str, Any]] | None:
        """The contexts of all partitions of a list without parent; None if it has only one."""
        if self.listing.parent is not None:
            return None
        if self.listing.by_cursus:
            return [dict(whole) for whole in self.wholes if whole]
        backfill, state = self.run.backfill, self.output.stream_state
        is_read = backfill is not None and backfill.has_read(state)
        if self.listing.people_filter is None or is_read or self.run.is_dry_run:
            return None  # the people need not be looked up
        batches = self.run.people.batches
        return None if batches is None else [{"user_ids": batch} for batch in batches]

    @property
    def is_one_list(self) -> bool:
        """Whether one route has all rows, and they are not read in batches of people."""
        is_together = self.listing.people_filter is None or self.contexts is None
        return is_together and self.whole_path is not None

    def contexts_below(self, record: Mapping[str, Any]) -> list[Context]:
        """Return the contexts of a row's children; none if the row is not in scope."""
        if self.listing.is_campus and not self.run.scope.has_campus(record[ID]):
            return []
        names = {child.listing.parent_id: None for child in self.children}
        return [{name: record[ID]} for name in names]

    # Their states and names

    def state(self, context: Context | None) -> dict[str, Any]:
        """Return the state of a partition, which may be changed."""
        return self.output.get_context_state(context)

    def states_within(self, whole: Context | None) -> list[dict[str, Any]]:
        """Return the states of a list's partitions, without those of earlier settings.

        There is one for each known parent; only the list's own if it has no parent.
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
        """Return the name of a partition in the spool."""
        partition = self.output.partition_context(context) or {}
        named = (f"{key}={value}" for key, value in partition.items())
        return " ".join([self.listing.name, *named])

    def label_of(self, context: Context | None) -> str:
        """Return the name of a partition for people, such as ``campus_id 1``.

        It is empty if the list has no parent.
        """
        parent = parent_of(context) if self.listing.parent is not None else 0
        return f"{self.listing.parent_id} {parent}" if parent else ""

    def scope_of(self, context: Context | None) -> dict[str, Any]:
        """Return to what the reads of a list are narrowed, in the form of the state."""
        campus_ids = list(self.run.scope.campus_ids)
        scope: dict[str, Any] = {"campus_ids": campus_ids, **self.run.privacy.scope}
        return {CURSUS: cursus_of(context), **scope} if self.listing.by_cursus else scope

    def bookmark_scope(self, context: Context | None) -> dict[str, Any]:
        """Return the scope of a bookmark. Below a parent, it holds for any campuses."""
        scope = self.scope_of(context)
        if self.listing.parent is not None:
            del scope["campus_ids"]
        return scope

    # Their requests

    def _take_from(self, carrier: Carrier | None) -> None:
        self.carrier = carrier
        """The list from which this run takes the rows instead; None if it reads its own."""
        self.path = self.listing.path if carrier is None else carrier.path
        """The route in this run; the context fills the names in braces."""
        self.whole_path = self.listing.whole_path if carrier is None else carrier.path
        """The route that lists the rows of all parents; None if the API has none."""

    def turn_to_carrier(self, failure: Exception) -> bool:
        """Take the rows from the carrier from now on, as the list failed.

        Return False if it has no carrier, or is read from it already.
        """
        carrier = self.listing.carrier
        if carrier is None or self.carrier is not None or isinstance(failure, NoTokenError):
            return False
        self.is_unreadable = True
        self._take_from(carrier)
        Events(self.listing.name).warning(
            "the list cannot be read. Its rows are taken from %s instead; rows that are "
            "not there are missing. %s",
            self.path,
            explain(failure),
            happened="carried_instead",
        )
        return True

    def unpacked(self, page: Page) -> Page:
        """Return a page of the list's own records: those within the records of a carrier."""
        carrier = self.carrier
        if carrier is None:
            return page
        return page.holding(
            [
                record
                for outer in page.records()
                if isinstance(outer, dict)
                and self.run.scope.has_campus(outer.get(carrier.campus_column))
                for record in outer.get(carrier.column) or ()
            ]
        )

    def tell_unshown(self, rows: Iterable[Mapping[str, tuple[int, int]]]) -> None:
        """Tell of rows in the form of `Page.unshown`; the run is not complete."""
        for row in rows:
            self.run.lifecycle.note_failure(
                self.listing.name,
                "42 answers each page that holds such a row with an error. The rows around it "
                "are read, and each night asks for it again",
                kind="rows that 42 cannot show",
                is_of_rows=True,
                part=_label_of(row, hides_ids=self.output.personal.hides_ids),
            )

    def tell_odd_ids(self) -> None:
        """Tell if the list has rows for which no range of ids asks; the run is not complete."""
        if self.facts.can.has_odd_ids or self.facts_of_sweeps.can.has_odd_ids:
            odd = f"ids below 1 or above {MAX_ID:,}"
            self.run.lifecycle.note_failure(
                self.listing.name,
                f"it has {odd}. Rows with such ids may be missing, and stay in the tables when "
                "they disappear",
                kind=odd,
                is_of_rows=True,
            )

    def query(self, context: Context | None) -> dict[str, Any]:
        """Return the query parameters of a read, without those of paging."""
        listing = self.listing
        query: dict[str, Any] = {**listing.filters}
        is_narrowed = not self.is_campus_ignored  # 42 may refuse such a filter
        if listing.campus_filter is not None and self.run.scope.campus_ids and is_narrowed:
            query[listing.campus_filter] = ",".join(map(str, self.run.scope.campus_ids))
        if listing.cursus_filter is not None:
            query[listing.cursus_filter] = cursus_of(context)
        if listing.people_filter is not None:
            query[listing.people_filter] = (context or {}).get("user_ids")
        elif listing.is_filtered_by_parent and listing.parent_filter and is_narrowed:
            query |= {listing.parent_filter: parent} if (parent := parent_of(context)) else {}
        return query

    # Reads that belong to no partition

    def read_apart(  # noqa: PLR0913 - the rows, and how they are read
        self,
        queries: Sequence[Mapping[str, Any]],
        name: str,
        context: Context | None = None,
        *,
        path: str | None = None,
        is_proof: bool = False,
        is_divided: bool = True,
    ) -> Iterator[Any]:
        """Read records completely, outside of the partitions.

        Args:
            queries: Query parameters that select the records. Several are asked at once.
            name: The name of the read in the spool; it must be used for nothing else.
            context: The context of the list, if it has one.
            path: The route; None for that of the list.
            is_proof: Whether a row that does not come is taken for disappeared.
            is_divided: As in `Source`.

        Yields:
            Records; some perhaps twice.

        Raises:
            RunEnds: The run has to end.
            FatalAPIError: The API refuses the request.
            RetriableAPIError: Too many tries of one page failed.
            requests.RequestException: The API did not answer.
            IncompleteReadError: It cannot be proven that these are all records.
        """
        if not queries:
            return
        run, reader, path = self.run, self.reader, path or self.path
        self.plans[name] = [{}]
        run.spool.follow(name, {}, run.times.until, longest_age=FRESH)
        readings = [
            run.pipeline.read(
                (*NOW, number),
                reader.source(context, query, name, path=path, is_divided=is_divided),
                reader.whole,
            )
            for number, query in enumerate(queries)
        ]
        for reading in readings:
            for part, _ in run.pipeline.parts(reading):
                page = part.page
                if is_proof and (part.is_doubtful or (page is not None and page.unshown)):
                    message = "the API counts other rows than it shows"
                    raise IncompleteReadError(message)
                if page is not None:
                    self.tell_unshown(page.unshown)
                    yield from page.records()


def _label_of(row: Mapping[str, tuple[int, int]], *, hides_ids: bool) -> str:
    """Name a row for people, given as in `Page.unshown`."""
    if (number := id_within(row)) is not None and not hides_ids:
        return f"{ID} {number}"
    windows = [
        f"{key} from {from_milliseconds(begins)} to {from_milliseconds(ends)}"
        for key, (begins, ends) in row.items()
        if key != ID
    ]
    return f"a row with {' and '.join(windows)}" if windows else "a row"
