"""Tests what one list can do: by its first page and a probe, and by more if these differ."""

from __future__ import annotations

from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING

from tap_ft42.declared.capabilities import bounds_of
from tap_ft42.declared.listing import ID, LARGEST
from tap_ft42.doctor.probes import Probe, follows, last_of, probe_of, rows_of, sign_against
from tap_ft42.doctor.shapes import shape_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_ft42.declared.contexts import Context
    from tap_ft42.declared.listing import Listing
    from tap_ft42.doctor.asking import Answer, Asker
    from tap_ft42.doctor.observed import ObservedRoute

_FEW = 10
"""Rows of a page: enough to show an order, or which page it is."""
_ROUND = {10**power for power in range(3, 8)}
"""Round totals: a server may have stopped counting there."""
_NOTHING: Mapping[str, str] = MappingProxyType({})
_PAST = "1970-01-01T00:00:00.000Z,1970-01-02T00:00:00.000Z"
"""An empty window."""


class Examination:
    """Tests one list that a run would read."""

    def __init__(  # noqa: PLR0913 - the parts of a request
        self,
        listing: Listing,
        found: ObservedRoute,
        asker: Asker,
        *,
        context: Context,
        query: Mapping[str, str],
        ids: tuple[str, Sequence[int]] | None,
        page_size: int,
    ) -> None:
        """Prepare the test; send nothing yet.

        Args:
            listing: The list.
            found: Takes what is observed of the route.
            asker: Asks the API.
            context: The values of the names in the route.
            query: The parameters that narrow the list, without that of `ids`.
            ids: The parameter that takes many ids, and some ids; None if there is none.
            page_size: Rows of a page that a run asks for.
        """
        self.found = found
        self._see = found.see
        self._listing = listing
        self._asker = asker
        self._context = context
        self._query = dict(query)
        self._ids_name, self._ids = ids or ("", ())
        self._longest = min(len(self._ids), LARGEST)
        self._size = min(page_size, found.assumed.page_size)

    def run(self) -> ObservedRoute:
        """Test the list, and return what was observed.

        Raises:
            VisitEndsError: The visit may send no more requests.
            CredentialsError: 42 refuses the application.
        """
        found = self.found
        found.is_examined = True
        found.answer = first = self._first()
        if not first.is_good:
            if first.is_denied:
                self._see(is_allowed=False)
            return found
        found.fields = shape_of(first.rows)
        self._look_at_size(first)
        self._look_at_filters(first)
        self._look_at_total(first)
        self._try_list_of_parents(first)
        if not self._is_whole(first) and found.can.is_paged:
            self._try_order_and_ranges(first)
        return found

    # Requests

    def _ask(
        self,
        params: Mapping[str, str] = _NOTHING,
        *,
        size: int,
        number: int = 1,
        ids: int | None = None,
    ) -> Answer:
        longest = self._longest if ids is None else ids
        query = dict(self._query)
        if self._ids_name and longest:
            query |= self._named(self._ids[:longest])
        paging = {"page[number]": number, "page[size]": size}
        answer = self._asker.ask(self.found.route, self._context, {**query, **params, **paging})
        if len(answer.rows) > size and self.found.can.is_paged:
            self._see(is_paged=False)
        return answer

    # The first page

    def _first(self) -> Answer:
        """Ask for the first page as a run does; if that fails, ask for less."""
        answer = self._ask(size=self._size)
        if answer.is_refused:
            answer = self._without_refused_filters(answer)
        if answer.is_broken and self._is_list_too_long():
            self._find_longest_list(answer)
            answer = self._ask(size=self._size)
        if answer.is_broken:
            answer = self._with_smaller_pages(answer)
        elif answer.is_good and self._longest > 1:
            self._look_at_list(answer)
        return answer

    def _is_list_too_long(self) -> bool:
        """Tell whether the API answers for one id, but not for all of them."""
        is_list = self._longest > 1 and self._ask(size=1, ids=1).is_good
        return is_list and not self._ask(size=1).is_good

    def _without_refused_filters(self, refused: Answer) -> Answer:
        if self._is_list_too_long():
            self._find_longest_list(refused)
            return self._ask(size=self._size)
        for name in list(self._query):
            value = self._query.pop(name)
            answer = self._ask(size=self._size)
            if not answer.is_refused:
                self._drop(name, is_refused=True)
                return answer
            self._query[name] = value
        names, self._query = list(self._query), {}
        answer = self._ask(size=self._size)
        if not answer.is_refused:
            for name in names:
                self._drop(name, is_refused=True)
        return answer

    def _drop(self, name: str, *, is_refused: bool) -> None:
        self.found.refuse(name, is_refused=is_refused)
        self._see(ignored_filters=(*self.found.can.ignored_filters, name))

    def _with_smaller_pages(self, failed: Answer) -> Answer:
        for size in _halves(self._size):
            answer = self._ask(size=size)
            if answer.is_good:
                self._size = size
                self._see(page_size=size)
                self.found.beyond["beyond_page"] = failed.status or 504
                return answer
        return failed

    def _find_longest_list(self, failed: Answer) -> None:
        """Find out for how many ids the API answers; for one it does."""
        for longest in _halves(self._longest):
            if longest == 1 or self._ask(size=1, ids=longest).is_good:
                self._note_longest(longest)
                self.found.beyond["beyond_list"] = failed.status or 504
                return

    def _note_longest(self, longest: int) -> None:
        self._longest = longest
        self._see(longest_list=longest)

    def _look_at_list(self, first: Answer) -> None:
        """Find out whether the API heeds all ids, and not only the first one."""
        ids = self._ids[: self._longest]

        def ask(some: Sequence[int]) -> Answer:
            return first if some == ids else self._ask(self._named(some), size=1)

        if not first.rows:
            return
        alone = ask(ids[:1])
        if not alone.rows:
            heeds_all = True
        elif alone.total is not None and first.total is not None:
            heeds_all = first.total > alone.total
        else:
            # Without totals: if all ids are heeded, their order makes no difference.
            heeds_all = ask(ids[::-1]).ids[:1] == first.ids[:1]
        if not heeds_all:
            self._note_longest(1)

    def _named(self, ids: Sequence[int]) -> dict[str, str]:
        return {self._ids_name: ",".join(map(str, ids))}

    # What the first page shows

    def _look_at_size(self, first: Answer) -> None:
        count, total = len(first.rows), first.total
        if 0 < count < self._size:
            if total is None:
                second = self._ask(size=self._size, number=2).ids
                has_more = bool(second) and second != first.ids
            else:
                has_more = total > count
            if has_more:
                self._see(page_size=count)

    def _look_at_filters(self, first: Answer) -> None:
        for name, value in list(self._query.items()):
            column = name.removeprefix("filter[").removesuffix("]")
            shown = [row[column] for row in first.rows if column in row]
            if name == self._listing.cursus_filter and self._listing.cursus_column:
                shown = [row.get(self._listing.cursus_column) for row in first.rows]
            if not all(_is_among(cell, value.split(",")) for cell in shown):
                self._drop(name, is_refused=False)

    def _look_at_total(self, first: Answer) -> None:
        total = first.total
        if total is None:
            self._see(totals="none")
        elif total < len(first.rows):
            self._see(totals="wrong")
        elif self._may_be_cut(first) and self._ask(size=_FEW, number=total // _FEW + 1).rows:
            self._see(totals="wrong")
            self.found.beyond["total_at_most"] = total

    def _may_be_cut(self, first: Answer) -> bool:
        """Tell whether the server may have stopped counting before the end."""
        return first.total in _ROUND or first.total == len(first.rows) == self._size

    def _is_whole(self, first: Answer) -> bool:
        """Tell whether the first page holds all rows."""
        if self.found.can.totals != "exact":
            return len(first.rows) < self.found.can.page_size
        return first.total == len(first.rows)

    # Lists of ids that the rows name

    def _try_list_of_parents(self, first: Answer) -> None:
        """Ask for the rows of several parents at once, if rows name their parents."""
        listing = self._listing
        name, column = listing.parent_filter, listing.parent_id
        if not name or self._ids_name:
            return
        seen = Counter(
            row[column] for row in reversed(first.rows) if type(row.get(column)) is int
        )
        # The rarest parent comes first: if only the first id is heeded, few rows come.
        parents = [number for number, _ in reversed(seen.most_common(LARGEST))]
        if len(parents) < 2:  # noqa: PLR2004 - one is no list
            return
        self._ids_name, self._ids, self._longest = name, parents, len(parents)
        answer = self._ask(size=self._size)
        if not answer.is_good:
            if self._ask(size=1, ids=1).is_good:
                self._find_longest_list(answer)
            else:
                self._drop(name, is_refused=True)
        elif {row.get(column) for row in answer.rows} <= {parents[0]}:
            self._note_longest(1)
        elif not {row.get(column) for row in answer.rows} <= set(parents):
            self._drop(name, is_refused=False)
        self._ids_name, self._ids, self._longest = "", (), 0

    # Order and ranges

    def _try_order_and_ranges(self, first: Answer) -> None:
        can, cursor = self.found.can, self._listing.cursor
        rows = rows_of(first.rows, cursor)
        ranges = self._shown(can.ranges)
        probe = probe_of(rows, ranges, cursor) if ranges else None
        if probe is not None:
            sort, last = probe.sorted_otherwise(self._in_one_go(can.sorts))
            answer = self._ask(probe.range_of(*ranges) | sort, size=2, number=2)
            if answer.ids == [last]:
                if answer.total not in {None, len(probe.rows)}:
                    self._see(totals="wrong")
                self._try_hidden_ranges()
                return
        elif can.sorts and not can.ranges and self._is_sorted_to_the_end(first):
            return
        self._try_one_by_one(first, probe or last_of(rows, ranges, cursor))
        self._try_hidden_ranges()

    @staticmethod
    def _in_one_go(sorts: Sequence[str]) -> list[str]:
        """Return columns in the order by which a read sorts: the cursor, then the id."""
        return sorted(sorts, key=lambda name: name == ID)

    def _shown(self, columns: Sequence[str]) -> list[str]:
        """Return the columns that the rows show."""
        cursor = self._listing.cursor
        return [name for name in columns if name == ID or (cursor and name == cursor.column)]

    def _is_sorted_to_the_end(self, first: Answer) -> bool:
        """Ask for the last page in the order of ids: the unsorted list shows it first."""
        total, most = first.total or 0, max(first.ids, default=0)
        # One row shows no order.
        size = next((size for size in range(2, _FEW) if total % size != 1), 0)
        if total <= len(first.rows) or first.ids != sorted(first.ids, reverse=True):
            return False
        answer = self._ask({"sort": "id"}, size=size, number=-(-total // size))
        ids = answer.ids
        return len(ids) > 1 and ids == sorted(ids) and ids[-1] >= most

    def _try_hidden_ranges(self) -> None:
        """Ask for an empty window of each column that the rows do not show."""
        can = self.found.can
        for column in set(can.ranges) - set(self._shown(can.ranges)):
            answer = self._ask({f"range[{column}]": _PAST}, size=_FEW)
            if answer.rows or not answer.is_good:
                self._lose("ranges", column, answer)

    def _lose(self, what: str, column: str, answer: Answer) -> None:
        """Note that the API ignores or refuses ranges, or sorts, of a column."""
        left = tuple(name for name in getattr(self.found.can, what) if name != column)
        self._see(**{what: left})
        parameter = f"range[{column}]" if what == "ranges" else f"sort={column}"
        self.found.refuse(parameter, is_refused=not answer.is_good)

    def _try_one_by_one(self, first: Answer, probe: Probe | None) -> None:
        """Test ranges, sorts and page numbers one by one."""
        can, cursor = self.found.can, self._listing.cursor
        rows = rows_of(first.rows, cursor)
        if probe is not None:
            for column in self._shown(can.ranges):
                answer = self._ask(probe.range_of(column), size=self._size)
                self._judge_range(column, answer, probe)
        for column in can.sorts:
            sign = sign_against(rows[:_FEW], column)
            answer = self._ask({"sort": sign + column}, size=_FEW)
            if not answer.is_good or not follows(rows_of(answer.rows, cursor), column, sign):
                self._lose("sorts", column, answer)
        self._try_several_sorts()
        if len(first.ids) > 2 * _FEW:
            second = self._ask(size=_FEW, number=2)
            if second.is_good and second.ids == first.ids[:_FEW]:
                self.found.is_numbered = False

    def _judge_range(self, column: str, answer: Answer, probe: Probe) -> None:
        rows = rows_of(answer.rows, self._listing.cursor)
        if not answer.is_good or not probe.holds(column, rows):
            self._lose("ranges", column, answer)
        elif len(rows) < self._size:
            shown = {row.id for row in rows}
            lower, upper = (row.id in shown for row in probe.bounds[column])
            bounds = bounds_of(lower=lower, upper=upper)
            if bounds != self.found.can.bounds:
                self._see(bounds=bounds)

    def _try_several_sorts(self) -> None:
        sorts = self._in_one_go(self.found.can.sorts)
        if len(sorts) > 1 and not self._ask({"sort": ",".join(sorts)}, size=_FEW).is_good:
            self._see(sorts_by_several=False)


def _halves(number: int) -> Iterator[int]:
    while number > 1:
        number //= 2
        yield number


def _is_among(cell: object, values: Sequence[str]) -> bool:
    if isinstance(cell, list):
        return any(_is_among(item, values) for item in cell)
    text = str(cell).lower() if isinstance(cell, bool) else str(cell)
    return text in values
