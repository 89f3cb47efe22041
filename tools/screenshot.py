"""The picture of the report in the README: ``make screenshot`` takes it from the demo."""

from __future__ import annotations

import os
import shutil
import sys

import click
from playwright.sync_api import sync_playwright

from tools.demo import REPORT, ROOT

PICTURE = ROOT / "docs/images/report.png"
_SIZE = {"width": 1100, "height": 640}


def main() -> None:
    """Open the demo's report in the machine's Chromium, and keep its upper part."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("There is no chromium here: apt-get install chromium")
    if not REPORT.exists():
        sys.exit(f"There is no {REPORT}: make demo")
    # A browser of root's starts only without its own sandbox.
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=as_root)
        page = browser.new_page(viewport=_SIZE, color_scheme="light")  # type: ignore[arg-type] # a TypedDict
        page.goto(REPORT.as_uri())
        page.screenshot(path=PICTURE)
        browser.close()
    click.echo(f"The picture is in {PICTURE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
