"""Whatever the code can say of an error, the documentation explains, and nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.docs.messages import VALUE, Message, printed, unseen
from tests.docs.pages import DOCS, Page
from tests.docs.says_itself import SAYS_ITSELF

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = Page(DOCS / "troubleshooting.md")
_CODE = re.compile(r"^(`+)(.+)\1$")


def quotes() -> Iterator[str]:
    """Yield the messages that each row is about."""
    for messages, *_ in PAGE.rows("message"):
        for message in messages.split("<br>"):
            found = _CODE.match(message)
            assert found, f"not quoted: {message}"
            yield " ".join(found[2].split())


def covers(quote: str, message: Message) -> bool:
    """Tell whether a row's quote is a message, or the beginning of it."""
    return message.text == quote or (
        message.text.startswith(quote) and len(quote.replace(VALUE, "")) >= 12
    )


def row_of(message: Message, quoted: list[str]) -> str | None:
    """Return the quote of the row about a message: the longest that covers it."""
    return max((quote for quote in quoted if covers(quote, message)), key=len, default=None)


def test_every_error_has_a_row_or_says_itself_what_to_do() -> None:
    quoted = [*quotes(), *SAYS_ITSELF]
    missing = [message for message in sorted(printed()) if not row_of(message, quoted)]
    assert missing == []


def test_every_row_is_about_an_error_that_there_is() -> None:
    quoted = [*quotes(), *SAYS_ITSELF]
    assert len(quoted) - len({*quoted}) <= 1, "a setting, and a column of a record"
    assert {row_of(message, quoted) for message in printed()} == set(quoted)


def test_every_row_says_what_it_means_and_what_to_do() -> None:
    for row in (*PAGE.rows("message"), *PAGE.rows("text")):
        assert len(row) == 2, row
        assert all(row), row


def test_the_page_begins_with_what_one_sees() -> None:
    seen = list(PAGE.rows("what you see"))
    assert PAGE.prose.index("| what you see |") < PAGE.prose.index("| message |")
    assert len(seen) >= 5
    for row in seen:
        assert len(row) == 3, row
        assert all(row), row


def test_no_error_hides_its_text_from_this_test() -> None:
    assert unseen() == []


_NEW_ERRORS = """
class MoonError(Exception):
    def __init__(self, phase):
        super().__init__(f"The moon is {phase}")

def rise(self, phase):
    if phase:
        raise MoonError(phase)
    message = f"No moon at {phase}. Try another night."
    if self:
        raise click.ClickException(message) from None
    self.logger.warning("%s: the moon is %.1f s late", self, phase)
    Events(self.name).warning("the moon is %d s early", phase)
    self.budget.stop(f"the moon is {'full' if phase else 'new'}")
"""


def test_an_error_that_is_new_is_found(tmp_path: Path) -> None:
    (tmp_path / "moon.py").write_text(_NEW_ERRORS)
    there_already = {message.text for message in printed([])}
    found = {message.text for message in printed([tmp_path])} - there_already
    assert found == {
        "The moon is …",
        "No moon at …. Try another night.",
        "…: the moon is … s late",
        "…: the moon is … s early",
        "the moon is …",
    }


def test_the_collection_is_of_the_real_code() -> None:
    texts = {message.text for message in printed()}
    assert "Run `warehouse init` first." in texts
    assert any(text.startswith("42 refused the application's credentials") for text in texts)
    assert any(text.endswith("(max_requests)") for text in texts)
    assert len(texts) > 50
