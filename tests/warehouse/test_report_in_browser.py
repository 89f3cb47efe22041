"""The report in a real browser: Debian's Chromium, on a phone and a desk, light and dark."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from tests.warehouse.conftest import LIVE, NIGHTLY, Warehouse, enrolment, user
from tests.warehouse.served import served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from playwright.sync_api import Browser, Page

    from tests.postgres import Database

CHROMIUM = shutil.which("chromium")

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no chromium here: apt-get install chromium"
)

HOSTILE = [
    "<script>document.title = 'owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "</style></svg><svg onload=document.title='owned'>",
    "{{ 7 * 7 }} %s {published}",
    "\u202egnireenigne esrever مدرسة",
    "W" * 300,
    "👩\u200d🎓 École 42 — l'été 🏴\u200d☠️",
]


@pytest.fixture(scope="module")
def url(database: Database) -> Iterator[str]:
    """A report with something in each place, and hostile names wherever names can be."""
    database.reset()
    warehouse = Warehouse(database)
    warehouse.run("init")
    warehouse.land("cursus", {"id": 21, "name": HOSTILE[0]})
    warehouse.land("projects", {"id": 7, "name": HOSTILE[0], "slug": "libft"})
    warehouse.land("users", *[user(number, active=True) for number in range(1, 30)])
    for number, name in enumerate(HOSTILE, start=1):
        warehouse.land("campuses", {"id": number, "name": name})
        warehouse.land(
            "blocs", {"id": number, "campus_id": number, "coalitions": [{"id": number}]}
        )
        warehouse.land(
            "coalitions", {"id": number, "name": name, "score": number, "color": name}
        )
        warehouse.land(
            "coalitions_users",
            {"id": number, "coalition_id": number, "user_id": number, "score": 5},
        )
        warehouse.land(
            "projects_users", enrolment(number, number, campus_id=number, validated=True)
        )
        warehouse.land(
            "rejected_records",
            {
                "rejection_id": name, "stream": name, "record_id": name, "reason": name,
                "rejected_at": datetime.now(UTC),
            },
        )  # fmt: skip
    warehouse.land("projects_users", enrolment(99, 404))
    warehouse.land_run("night", *NIGHTLY, age=timedelta(hours=30))
    warehouse.land_run("quarter", *LIVE, age=timedelta(minutes=9))
    warehouse.land_run(
        "failed", *LIVE, age=timedelta(minutes=4), outcome="failed", reason=HOSTILE[1]
    )
    warehouse.run("publish")
    warehouse.run("forget", "29")
    with served(database) as (url, _):
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                *(["--no-sandbox"] if os.geteuid() == 0 else []),
                "--disable-background-networking", "--disable-component-update",
                "--disable-sync", "--no-first-run", "--disable-quic",
            ],
        )  # fmt: skip
        yield browser
        browser.close()


@pytest.fixture(params=[(390, 844), (1280, 900)], ids=["phone", "desk"])
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    width, height = request.param
    return width, height


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def opened(
    browser: Browser,
    size: tuple[int, int] = (390, 844),
    scheme: Literal["light", "dark"] = "light",
    *,
    bypass_csp: bool = False,
) -> Page:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        bypass_csp=bypass_csp,
    )
    return context.new_page()


@pytest.mark.few(1)
def test_names_do_nothing_and_no_host_is_asked(
    browser: Browser, url: str, size: tuple[int, int], scheme: Literal["light", "dark"]
) -> None:
    page = opened(browser, size, scheme)
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(url)
    for summary in page.locator("summary").all():
        summary.click()
    assert page.title() == "Something is broken · 42 in PostgreSQL"
    assert said == []
    assert [found for found in asked if not found.startswith("data:")] == [url]
    for name in HOSTILE[:4]:
        assert page.get_by_text(name).count() > 0
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width == size[0]
    page.context.close()


@pytest.mark.few(1)
def test_everybody_can_read_it(
    browser: Browser, url: str, size: tuple[int, int], scheme: Literal["light", "dark"]
) -> None:
    # What looks at the page is a script, which the page's policy would not let run.
    page = opened(browser, size, scheme, bypass_csp=True)
    page.goto(url)
    for summary in page.locator("summary").all():
        summary.click()
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    page.context.close()


@pytest.mark.slow
def test_colours_follow_the_system(browser: Browser, url: str) -> None:
    papers = set()
    for scheme in ("light", "dark"):
        page = opened(browser, scheme="light" if scheme == "light" else "dark")
        page.goto(url)
        papers.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.context.close()
    assert len(papers) == 2


@pytest.mark.slow
def test_the_keyboard_reaches_the_contents_and_scrolls_the_tables(
    browser: Browser, url: str
) -> None:
    page = opened(browser, bypass_csp=True)  # for the script that waits, below
    page.goto(url)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
    assert page.locator(".skip").bounding_box()["x"] >= 0  # type: ignore[index]
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "region"
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.activeElement.scrollLeft > 0")
    page.context.close()


def test_the_policy_holds_though_a_name_should_get_through(browser: Browser, url: str) -> None:
    page = opened(browser)
    page.goto(url)
    page.evaluate(
        "() => { const script = document.createElement('script');"
        "script.textContent = 'document.title = \"owned\"'; document.body.append(script); }"
    )
    assert "owned" not in page.title()
    page.context.close()
