"""What a stream asks for: its partitions, which of them together, and their children."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from tap_ft42.declared.contexts import CURSUS, cursus_of, key_of, list_of, parent_of
from tap_ft42.planning.bookmarks import Sharing, Step, full_read, incremental_reads, note_scope
from tap_ft42.planning.priorities import last_served
from tap_ft42.planning.sweeps import Planned, sweeps, together
from tap_ft42.reading.endpoint import Endpoint
from tap_ft42.reading.spool import FRESH
from tap_ft42.reading.totals import ListAt
from tap_ft42.singer.rows import RowStream

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from singer_sdk.helpers.types import Context

    from tap_ft42.api.ledger import Ledger
    from tap_ft42.api.page import Page
    from tap_ft42.planning.backfill import Backfill
    from tap_ft42.planning.bookmarks import Times
    from tap_ft42.planning.scope import Scope
    from tap_ft42.planning.sweeps import Member
    from tap_ft42.reading.pipeline import Pipeline, Place
    from tap_ft42.reading.spool import Spool
    from tap_ft42.tap import TapFT42


class PlannedStream(RowStream):
    """A stream whose reads are planned before the SDK asks for their records.

    The SDK takes one partition after the other, and the pipeline runs ahead of it. So
    it is told what will be asked for as soon as that is known: a page of parents tells
    which children there are, and which of them share their requests.
    """

    filters: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Query parameters that every request of the stream carries."""

    campus_filter: ClassVar[str | None] = None
    """The parameter that narrows the stream to the setting ``campus_ids``."""

    is_sortable: ClassVar[bool] = True
    """Whether the API sorts the route by ``id`` and ``updated_at``."""

    has_ranges: ClassVar[bool] = True
    """Whether the API narrows the route by ranges of these two."""

    largest_page: ClassVar[int] = 100
    """Rows a page, where the full 100 would take the API too long."""

    joined_filter: ClassVar[str | None] = None
    """The parameter that narrows a child's list to several parents at once."""

    largest_sweep: ClassVar[int] = 1
    """How many partitions are read together at most; see `tap_ft42.planning.sweeps`."""

    weight: ClassVar[int] = 1
    """How much people look at it, where not everything can be read."""

    extra_requests: ClassVar[int] = 0
    """Requests for changes that ``updated_at`` does not tell."""

    refresh_factor: ClassVar[int] = 4
    """How many times as many nights it may take until all rows have been read again as
    where columns change silently."""

    census_share: ClassVar[float] = 0.25
    """Which part of the requests that are left for a census the stream may use."""

    is_by_cursus: ClassVar[bool] = False
    """Whether it is read cursus by cursus, each with a bookmark of its own."""

    is_batched: ClassVar[bool] = False
    """Whether people are asked for in batches that share a bookmark."""

    settled: ClassVar[tuple[str, str] | None] = None
    """Column and value of the rows that do not disappear, where that is known; see
    `tap_ft42.census.settled`."""

    left_filters: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Instead of ``filters``, what finds rows that have left the list; none if nothing does."""

    def __init__(self, tap: TapFT42) -> None:
        """Begin without plans.

        Args:
            tap: The tap, which holds what the streams share.
        """
        super().__init__(tap)
        self._tap_state = tap.stream_states
        if self.is_by_cursus and len(tap.scope.cursus_ids) == 1:
            self.state_partitioning_keys = self.parent_columns  # see `tap_ft42.planning.cursus`
        self._contexts: dict[Hashable, list[Context | None]] = {}
        self._steps: dict[str, list[Step]] = {}
        self._plans: dict[str, dict[str, Any]] = {}
        self._swept: dict[str, Sequence[dict[str, Any]]] = {}
        self._planned: dict[Hashable, Planned | None] = {}
        self._partitions_read: list[dict[str, Any]] = []

    # Whom to ask for

    def by_cursus(self, context: Context | None) -> list[Context | None]:
        """Return the contexts in which is read what a parent's context, or none, names.

        Args:
            context: The parent's context, or None.

        Returns:
            The same with each cursus, where that is asked for by itself; where requests
            are counted, the one first that has waited longest.
        """
        if not self.is_by_cursus:
            return [context]
        key = key_of(context)
        if key not in self._contexts:
            ids = self.scope.cursus_ids
            contexts = [{**(context or {}), CURSUS: cursus_id} for cursus_id in ids]
            if self._tap.budget.counts_requests:
                contexts.sort(key=lambda own: last_served(self.get_context_state(own)))
            self._contexts[key] = [*contexts]
        return self._contexts[key]

    @property
    def lists(self) -> list[Context | None]:
        """The contexts of the stream's whole lists: each cursus, or None."""
        return self.by_cursus(None)

    @property
    @override
    def partitions(self) -> list[dict[str, Any]] | None:
        if self.is_by_cursus and self.parent_stream_type is None:
            return [dict(whole) for whole in self.lists if whole]
        return super().partitions

    def states_within(self, whole: Context | None) -> list[dict[str, Any]]:
        """Return the states of a list's partitions, without what earlier settings named.

        Args:
            whole: The context of the list.

        Returns:
            Those below each parent, as far as parents are known; its own if it has none.
        """
        if self.parent_stream_type is None:
            return [self.get_context_state(whole)]
        cursus_id = cursus_of(self._get_state_partition_context(whole))
        partitions: list[dict[str, Any]] = self.stream_state.get("partitions", [])
        return [
            partition
            for partition in partitions
            if cursus_of(partition["context"]) == cursus_id and parent_of(partition["context"])
        ]

    # Where and what to ask

    @property
    def spool(self) -> Spool:
        """What has been read and no state has covered yet."""
        return self._tap.spool

    @property
    def pipeline(self) -> Pipeline:
        """What reads ahead of the run."""
        return self._tap.pipeline

    @property
    def scope(self) -> Scope:
        """Which part of the network the run reads."""
        return self._tap.scope

    @property
    def backfill(self) -> Backfill | None:
        """The window of the past that is read instead of what is due."""
        return self._tap.backfill

    @property
    @override
    def emit_activate_version_messages(self) -> bool:
        # After such a message a target deletes what does not come again.
        return self.backfill is None and super().emit_activate_version_messages

    @property
    def times(self) -> Times:
        """The instants between which the run reads."""
        return self._tap.times

    @property
    def now(self) -> float:
        """The Unix time."""
        return self._tap.clock.time()

    @property
    def page_size(self) -> int:
        """Rows a page."""
        return min(int(self.config["page_size"]), self.largest_page)

    @property
    def list_path(self) -> str | None:
        """Where the rows of all parents are listed, as `path`; None if the API does not."""
        return self.path

    @property
    def ledger(self) -> Ledger:
        """What the run asks for."""
        return self._tap.ledger

    def query(self, context: Context | None) -> dict[str, Any]:  # noqa: ARG002 - for subclasses
        """Return the query parameters of a run, without those of paging.

        Args:
            context: The context of a partition or of the whole list.

        Returns:
            Parameters by name; those that are None are not sent.
        """
        return {**self.filters, **self.scope_params()}

    def scope_params(self) -> dict[str, str]:
        """Return the query parameters that narrow the stream to the run's scope."""
        campus_ids = self._tap.scope.campus_ids
        if self.campus_filter is None or not campus_ids:
            return {}
        return {self.campus_filter: ",".join(map(str, sorted(campus_ids)))}

    # What to read, and how far it has been read

    def plan(self, members: Sequence[Member], *, is_urgent: bool = False) -> None:
        """Let the pipeline read what the run will ask this stream for.

        Args:
            members: The parents' contexts, or None, each with its place in the order of
                the run.
            is_urgent: Whether to find out early how much it is.
        """
        for context, _ in members:
            self.take_up(context, self.get_context_state(context))
        if self.largest_sweep == 1:
            for member in members:
                self._plan_one(member, is_urgent=is_urgent)
            return
        for cursus_id in dict.fromkeys(cursus_of(context) for context, _ in members):
            alike = [member for member in members if cursus_of(member[0]) == cursus_id]
            states = [self.get_context_state(context) for context, _ in alike]
            for group in sweeps(states, self.largest_sweep):
                if len(group) == 1:
                    self._plan_one(alike[group[0]], is_urgent=is_urgent)
                else:
                    self._plan_sweep([alike[number] for number in group])

    @property
    def is_known_ahead(self) -> bool:
        """Whether the run knows at its beginning what it will ask for."""
        return True

    def plan_ahead(self) -> None:
        """Let the pipeline read all partitions, if they are known so early."""
        is_wanted = self.selected or self.has_selected_descendents
        if is_wanted and self.parent_stream_type is None and self.is_known_ahead:
            contexts = self.partitions or (None,)
            places = [(context, self._tap.next_place()) for context in contexts]
            self.plan(places, is_urgent=True)

    def plan_below(self, parents: Sequence[Member]) -> None:
        """Let the pipeline read what hangs on parents.

        Args:
            parents: Their contexts, each with its place in the order of the run.
        """
        self.plan(
            [
                (own, (*place, number))
                for context, place in parents
                for number, own in enumerate(self.by_cursus(context))
            ]
        )

    def plan_apart(self, members: Sequence[Member]) -> None:
        """Plan a read for each member of a sweep, which costs more than that.

        Args:
            members: As for `plan`.
        """
        for member in members:
            self._plan_one(member)

    def take_up(self, context: Context | None, state: dict[str, Any]) -> None:
        """Forget what of a partition's state no longer counts.

        Args:
            context: The parent's context, or None.
            state: The SDK's state of the stream or partition; changed in place.
        """
        if self.replication_key is not None or self.is_by_cursus:
            note_scope(state, self.bookmark_scope(context))
        if self.replication_key is not None and self.backfill is not None:
            self.backfill.begin(state)

    def _plan_one(self, member: Member, *, is_urgent: bool = False) -> None:
        context, _ = member
        source = Endpoint(self, context, self.query(context), self.plan_name(context))
        steps = self._steps_of(context)
        self._planned[key_of(context)] = self._planned_reads([member], source, steps, is_urgent)

    def _plan_sweep(self, members: Sequence[Member]) -> None:
        contexts = [context for context, _ in members]
        states = [self.get_context_state(context) for context in contexts]
        whole = list_of(contexts[0])
        query = self.query(whole)
        if self.joined_filter is not None:
            query[self.joined_filter] = ",".join(
                str(parent_of(context)) for context in contexts
            )
        name = f"sweep of {self.plan_name(whole)} {query.get(self.joined_filter or '', '')}"
        self._swept[name] = states
        state = together(states)
        steps = incremental_reads(
            state,
            self.spool.follow(name, state, self.times.until),
            self.times,
            is_sortable=self.is_sortable,
            sharing=Sharing(
                states, accepts=partial(self.is_worth_sweeping, members=len(members))
            ),
        )
        source = ListAt(self, whole, query, name, path=self.list_path or "")
        self._planned |= {key_of(context): None for context in contexts}
        self._planned[key_of(contexts[0])] = self._planned_reads(members, source, list(steps))

    def _planned_reads(
        self,
        members: Sequence[Member],
        source: Endpoint,
        steps: Sequence[Step],
        is_urgent: bool = False,
    ) -> Planned:
        _, place = members[0]
        readings = [
            self._tap.pipeline.read(
                (*place, number),
                source,
                step.read,
                retried=self.request_decorator,
                is_urgent=is_urgent and number == 0,
            )
            for number, step in enumerate(steps)
        ]
        return Planned(steps, readings, members)

    def is_worth_sweeping(self, head: Page, members: int) -> bool:  # noqa: ARG002 - for subclasses
        """Tell whether a sweep costs less than asking for its members one by one.

        Args:
            head: Its first page.
            members: How many there are.
        """
        return True

    def scope_of(self, context: Context | None) -> dict[str, Any]:
        """Return what the reads of a list are narrowed to, as the state remembers it."""
        scope: dict[str, Any] = {
            "campus_ids": sorted(self.scope.campus_ids),
            **self._tap.privacy.scope,
        }
        return {CURSUS: cursus_of(context), **scope} if self.is_by_cursus else scope

    def bookmark_scope(self, context: Context | None) -> dict[str, Any]:
        """Return what a bookmark is good for: of one parent, for any scope."""
        scope = self.scope_of(context)
        if self.parent_stream_type is not None:
            del scope["campus_ids"]
        return scope

    def plan_name(self, context: Context | None) -> str:
        """Return the name of the stream and a partition of it, as in the spool."""
        partition = self._get_state_partition_context(context)
        return " ".join(
            [self.name, *(f"{key}={value}" for key, value in (partition or {}).items())]
        )

    def _steps_of(self, context: Context | None) -> list[Step]:
        """Return what brings a context up to date; contexts may share a bookmark."""
        name = self.plan_name(context)
        if name not in self._steps:
            self._steps[name] = self._new_steps(context)
        return self._steps[name]

    def _new_steps(self, context: Context | None) -> list[Step]:
        """Return what brings a state of the stream up to date."""
        name, state = self.plan_name(context), self.get_context_state(context)
        times, follow = self._tap.times, self.spool.follow
        self._plans[name] = state
        if self.replication_key is None:
            if self.backfill is not None and not self.wanted_children:
                return []
            stops = follow(name, state, times.until, longest_age=FRESH)
            sortable, ranges = self.is_sortable, self.has_ranges
            return [full_read(state, stops[-1], is_sortable=sortable, has_ranges=ranges)]
        return list(
            incremental_reads(
                state,
                follow(name, state, times.until),
                times,
                is_sortable=self.is_sortable,
                sharing=Sharing(
                    [state], len(self.partitions or ()) or 1 if self.is_batched else 1
                ),
            )
        )

    @property
    def wanted_children(self) -> list[PlannedStream]:
        """The streams that are read for each of this one's records."""
        return [
            child
            for child in self.child_streams
            if isinstance(child, PlannedStream)
            and (child.selected or child.has_selected_descendents)
        ]

    def _plan_children(self, records: list[Any], context: Context | None, place: Place) -> None:
        """Let the pipeline read what a page of a parent's records leads to."""
        children = self.wanted_children
        if not children or self._tap.is_dry_run:
            return
        contexts = [
            (child_context, (*place, position))
            for position, record in enumerate(records)
            if isinstance(record, dict) and "id" in record
            for child_context in self.generate_child_contexts(record, context)
        ]
        for number, child in enumerate(children):
            child.plan_below([(child_context, (*at, number)) for child_context, at in contexts])

    def note_ends(self) -> None:
        """Tell the spool how far the plans of the run have been followed."""
        swept = {name: together(states) for name, states in self._swept.items()}
        for name, state in (self._plans | swept).items():
            if self._tap.lifecycle.ends_early:
                self.spool.pause(name, state)
            else:
                self.spool.end(name, state, is_full=self.replication_key is None)
        if self._plans or swept:
            self.spool.tidy()
