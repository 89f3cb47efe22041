"""No answer, whatever is in it, stops a run with more than a line, or stays to do harm."""

from __future__ import annotations

import gzip
import json
import sqlite3
import zlib
from contextlib import closing
from dataclasses import replace
from itertools import count, islice
from typing import TYPE_CHECKING

import pytest

from tests.tap.scripted import TOKEN_PATH, Reply, always, in_turn, paged, scripted_api

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import Any

    from tests.tap.running import Run, Tap
    from tests.tap.scripted import Asked, ScriptedApi

CURSUS = {"id": 21, "created_at": None, "name": "42cursus", "slug": "42cursus", "kind": "main"}
SECRET = "of-the-tests-not-to-be-told"  # noqa: S105 - made up
TOKEN = {"access_token": SECRET, "token_type": "bearer", "expires_in": 7200}
GOOD = json.dumps(CURSUS)


def with_value(value: str) -> bytes:
    return f'[{GOOD[:-1]}, "name": {value}}}]'.encode()


BOMB = gzip.compress(b"[") + 20 * gzip.compress(b" " * 10_000_000) + gzip.compress(b"]")
"""200 MB, in 22 parts: to press them in one piece takes nearly a second."""

BROKEN_PAGES = {
    "a number beyond all": Reply(with_value("1e400")),
    "a number beyond all beside a half": Reply(with_value('["\\\\ud800", -1e999]')),
    "no number": Reply(with_value("NaN")),
    "no number beside a half": Reply(with_value('["\\\\ud800", Infinity]')),
    "an integer of 5,000 digits": Reply(with_value("9" * 5000)),
    "5,000 digits beside a half": Reply(with_value('["\\\\ud800", ' + "9" * 5000 + "]")),
    "lists as deep as a well": Reply(b"[" * 100_000 + b"]" * 100_000),
    "objects as deep as a well": Reply(b'[{"id":' * 100_000 + b"1" + b"}]" * 100_000),
    "lists that decoders still take": Reply(with_value("[" * 400 + "]" * 400)),
    "lists beside a half": Reply(with_value('["\\\\ud800", ' + "[" * 400 + "]" * 400 + "]")),
    "a half of a pair in bytes": Reply(b'["\xed\xa0\x80"]'),
    "no UTF-8": Reply(b'[{"id": 21, "name": "\xff"}]'),
    "UTF-16": Reply(f"[{GOOD}]".encode("utf-16")),
    "nothing": Reply(b""),
    "zeros": Reply(b"\0" * 1000),
    "a bomb": Reply(BOMB, headers={"Content-Encoding": "gzip"}),
    "a bomb without end": Reply(BOMB[:-9], headers={"Content-Encoding": "gzip"}),
    "no gzip": Reply(b"[]", headers={"Content-Encoding": "gzip"}),
    "two lengths": Reply(b"[]", headers={"Content-length": "5"}),
    "a page of maintenance": Reply(b"<html>Back soon</html>", 404),
    "a challenge": Reply(b"<html>Just a moment</html>", 403),
    "an empty refusal": Reply(b"", 403),
    "no time left": Reply({}, 408),
    "a refusal without end": Reply(BOMB, 503, {"Content-Encoding": "gzip"}),
    "a deep refusal": Reply(b"[" * 100_000, 503),
    "a refusal that repeats what it was sent": Reply(f"Bearer {SECRET}\n".encode(), 500),
}  # fmt: skip

HEADERS = {
    "numbers of 5,000 digits": {
        "X-Total": "9" * 5000,
        "X-Per-Page": "9" * 5000,
        "X-Hourly-RateLimit-Remaining": "9" * 5000,
        "Date": "Mon, 01 Jan 0001 00:00:00 +" + "9" * 400,
        "Set-Cookie": "=; domain=[; expires=99999; max-age=" + "9" * 400,
    },
    "what no header holds": {
        "X-Total": "\u00b2",
        "X-Per-Page": "\u00b9",
        "X-Hourly-RateLimit-Remaining": "-1",
        "Link": "<;;;=,,,<http://[>; rel=next; =",
        "Date": "never",
        "Content-Type": "text/\x01; charset=\xff" + "x" * 1000,
        "": "nameless",
    },
}
"""Beside a page that is as it should be."""

BROKEN_TOKENS = {
    "a line break": TOKEN | {"access_token": f"{SECRET}\r\nX-Evil: {SECRET}"},
    "a blank": TOKEN | {"access_token": f"{SECRET} {SECRET}"},
    "letters that no header has": TOKEN | {"access_token": f"{SECRET}\u4e00"},
    "none": {"token_type": "bearer"},
    "an empty one": TOKEN | {"access_token": ""},
    "a number": TOKEN | {"access_token": 42},
    "a list": [TOKEN],
    "half a pair": json.dumps(TOKEN | {"access_token": SECRET + "\ud800"}).encode(),
    "a deep one": b'{"access_token":' * 100_000,
    "a bomb": Reply(BOMB, headers={"Content-Encoding": "gzip"}),
    "a challenge": Reply(b"<html>Just a moment</html>", 403),
    "a page of maintenance": Reply(b"<html></html>", 404),
    "too many": Reply(b"429 Too Many Requests", 429),
}
TIMES: dict[str, dict[str, Any]] = {
    "missing": {},
    "null": {"expires_in": None},
    "text": {"expires_in": "7200"},
    "no number": {"expires_in": "soon"},
    "a list": {"expires_in": [7200]},
    "beyond all": {"expires_in": 10**300},
    "below nothing": {"expires_in": -1},
}


def ids(run: Run) -> list[int]:
    """The ids of a good run that told no secret and no traceback."""
    assert run.exit_code == 0, run.log
    assert "Traceback" not in run.log
    assert "| ERROR " not in run.log
    assert SECRET not in run.log
    return run.ids("cursus")


def threes(kinds: Iterable[str]) -> Iterator[tuple[str, ...]]:
    rest = iter(kinds)
    while three := tuple(islice(rest, 3)):
        yield three


def failures(run: Run) -> list[str]:
    return [line for line in run.log.splitlines() if "failed, the next one follows" in line]


def test_a_page_that_cannot_be_is_asked_for_again(tap: Tap, api: ScriptedApi) -> None:
    numbers = list(range(1, len(BROKEN_PAGES) + 2))
    good = paged([CURSUS | {"id": number} for number in numbers], largest=1)
    # The first page tells how many follow; each of these is a broken one at first.
    broken = dict(enumerate(BROKEN_PAGES.values(), start=2))
    api.script[TOKEN_PATH] = always(Reply(TOKEN))
    api.script["/v2/cursus"] = lambda asked: broken.pop(asked.page, None) or good(asked)
    run = tap.pointed_at(api, client_secret=SECRET).run("cursus")
    assert ids(run) == numbers
    assert len(failures(run)) == len(BROKEN_PAGES)


@pytest.mark.parametrize("kind", HEADERS)
def test_no_header_stops_a_run(tap: Tap, api: ScriptedApi, kind: str) -> None:
    good = paged([CURSUS])
    api.script["/v2/cursus"] = lambda asked: replace(good(asked), headers=HEADERS[kind])
    run = tap.pointed_at(api).run("cursus")
    assert ids(run) == [21]
    assert not failures(run)


@pytest.mark.few(2)
@pytest.mark.parametrize("kinds", [*threes(BROKEN_TOKENS)], ids=" and ".join)
def test_a_token_that_cannot_be_is_asked_for_again(
    tap: Tap, api: ScriptedApi, kinds: tuple[str, ...]
) -> None:
    answers = [BROKEN_TOKENS[kind] for kind in kinds]
    replies = [each if isinstance(each, Reply) else Reply(each) for each in answers]
    api.script[TOKEN_PATH] = in_turn(*map(always, replies), always(Reply(TOKEN)))
    api.script["/v2/cursus"] = paged([CURSUS])
    run = tap.pointed_at(api, client_secret=SECRET).run("cursus")
    assert ids(run) == [21]
    assert len(failures(run)) == len(kinds)


def test_a_token_need_not_say_for_how_long_it_is_good(tap: Tap, api: ScriptedApi) -> None:
    granted = iter([*TIMES.values(), *[{}] * 20])
    good = paged([CURSUS | {"id": number} for number in range(1, 20)], largest=2)
    tokens = count(1)
    renewed: set[int] = set()

    def grant(_: Asked) -> Reply:
        return Reply({"access_token": f"{SECRET}{next(tokens)}"} | next(granted))

    def answer(asked: Asked) -> Reply:
        # Each token is refused in the end: that is how it is found out what it was worth.
        if asked.page < len(TIMES) and asked.page not in renewed:
            renewed.add(asked.page)
            return Reply({}, 401)
        return good(asked)

    api.script[TOKEN_PATH] = grant
    api.script["/v2/cursus"] = answer
    run = tap.pointed_at(api, client_secret=SECRET).run("cursus")
    assert ids(run) == list(range(1, 20))
    assert not failures(run)


@pytest.mark.long
def test_a_list_without_end_fails_the_run_in_bounded_requests(
    tap: Tap, api: ScriptedApi
) -> None:
    def answer(asked: Asked) -> Reply:
        first = asked.page * asked.size
        rows = [CURSUS | {"id": first + number} for number in range(asked.size)]
        return Reply(rows, headers={"X-Total": "5", "X-Per-Page": str(asked.size)})

    api.script["/v2/cursus"] = answer
    run = tap.pointed_at(api, page_size=2).fail("cursus")
    assert len(api.asked) < 1100
    assert "The run is not complete: it has had" in run.log
    assert "the API shows more and more rows" in run.log


def test_a_page_on_disk_that_cannot_be_read_is_asked_for_again(
    tap: Tap, api: ScriptedApi, tmp_path: Path
) -> None:
    pages = paged([CURSUS | {"id": number} for number in range(1, 11)], largest=2)
    broken = always(Reply({}, 403))
    api.script["/v2/cursus"] = lambda asked: (pages if asked.page < 5 else broken)(asked)
    here = tap.pointed_at(api, spool=str(tmp_path))
    here.fail("cursus")
    (file,) = tmp_path.glob("*.sqlite")
    for body in (zlib.compress(b"[" * 1000), b"no zlib"):
        with closing(sqlite3.connect(file)) as database, database:
            kept = database.execute("UPDATE pages SET body = ?", (body,)).rowcount
            assert kept >= 4
        api.asked.clear()
        here.fail("cursus")
        assert {asked.page for asked in api.asked_for("/v2/cursus")} >= {1, 2, 3, 4}
    api.script["/v2/cursus"] = pages
    assert here.run("cursus").ids("cursus") == list(range(1, 11))


@pytest.mark.few(4)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 300])
@pytest.mark.parametrize("is_token", [True, False], ids=["token", "data"])
def test_nobody_is_sent_elsewhere(
    tap: Tap, api: ScriptedApi, status: int, *, is_token: bool
) -> None:
    with scripted_api() as other:
        other.script["/v2/cursus"] = paged([CURSUS])
        where = (
            f"//somebody:{SECRET}@{other.url.removeprefix('http://')}/{SECRET}?code={SECRET}"
        )
        path = TOKEN_PATH if is_token else "/v2/cursus"
        api.script[TOKEN_PATH] = always(Reply(TOKEN))
        api.script[path] = always(Reply([CURSUS], status, {"Location": where}))
        api.script.setdefault("/v2/cursus", paged([CURSUS]))
        run = tap.pointed_at(api, client_secret=SECRET).fail("cursus")
        assert other.asked == []
    assert f"points to {other.url}/***?code=***" in run.last_word
    assert SECRET not in run.log
    assert len(failures(run)) == len(api.asked_for(path)) - 1 == (not is_token)
    assert not run.records("cursus")


@pytest.mark.few(2)
@pytest.mark.parametrize("where", ["http://[", "\xe9\xff", "//" + "x" * 60_000, "javascript:1"])
def test_an_address_that_is_none_is_told_in_a_line(
    tap: Tap, api: ScriptedApi, where: str
) -> None:
    api.script["/v2/cursus"] = always(Reply([CURSUS], 302, {"Location": where}))
    run = tap.pointed_at(api).fail("cursus")
    assert "points to" in run.last_word
    assert len(run.last_word) < 1000
    assert "Traceback" not in run.log
