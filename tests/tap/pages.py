"""Pages as they lie in memory, and lists that answer with them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tap_ft42.api.page import restored_page
from tap_ft42.declared.instants import from_milliseconds
from tap_ft42.declared.listing import Cursor
from tap_ft42.reading.asking import Ask
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_ft42.api.page import Page

CHANGES = Cursor("updated_at")


def page(  # noqa: PLR0913 - what an answer may say
    rows: Iterable[int | tuple[int, int]],
    total: int | None = None,
    *,
    size: int = 10,
    more: bool = False,
    sent: float = 0.0,
    answered: float = 0.0,
) -> Page:
    """Make a page of rows: their ids, or their ids with instants in milliseconds."""
    pairs = [row if isinstance(row, tuple) else (row, None) for row in rows]
    body = [
        {"id": number} | ({} if at is None else {"updated_at": from_milliseconds(at)})
        for number, at in pairs
    ]
    told = {"total": total, "size": size, "more": more, "sent": sent, "answered": answered}
    return restored_page(json.dumps(body).encode(), CHANGES, **told)


class PretendedList(Ask):
    """A list whose answers do not depend on their place in a run."""

    @override
    def after(self, number: int) -> Ask:
        return self

    @override
    def again(self) -> Ask:
        return self

    @override
    async def prepare(self, head: Page) -> None:
        """No window follows."""
