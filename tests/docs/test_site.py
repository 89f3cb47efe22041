"""The site shows every page, and a link that leads nowhere stops its build."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.docs.pages import DOCS, ROOT, Page, for_contributors, pages, readmes
from tests.known_files import copy_known_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MKDOCS = ROOT / ".local/site-venv/bin/mkdocs"


class _Settings(yaml.SafeLoader):
    """A loader for which names of Python's objects are texts."""


_Settings.add_multi_constructor("tag:yaml.org,2002:python/", lambda _loader, name, _node: name)


def listed(nav: list[Any]) -> Iterator[str]:
    for entry in nav:
        for target in entry.values():
            if isinstance(target, str):
                yield target
            else:
                yield from listed(target)


def test_the_navigation_has_each_page_once() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    settings = yaml.load(text, Loader=_Settings)  # noqa: S506 - it is a SafeLoader
    assert sorted(listed(settings["nav"])) == sorted(
        page.path.relative_to(DOCS).as_posix() for page in pages()
    )


@pytest.mark.parametrize(
    "page", [*pages(), *readmes(), *for_contributors()], ids=lambda page: page.name
)
def test_what_belongs_to_an_item_of_a_list_is_indented_so_that_the_site_knows_it(
    page: Page,
) -> None:
    # The site's Markdown wants four spaces; a forge takes them as well.
    for number, line in enumerate(page.text.splitlines(), start=1):
        if line.lstrip().startswith("```"):
            assert (len(line) - len(line.lstrip())) % 4 == 0, f"{page.name}:{number}"


@pytest.mark.long
@pytest.mark.parametrize(
    ("addition", "complaint"),
    [
        ("", None),
        ("[nowhere](how-to/nowhere.md)", "how-to/nowhere.md"),
        ("[no heading](tutorial.md#nowhere)", "#nowhere"),
        ("[no file](../nowhere.py)", "../nowhere.py"),
    ],
)
def test_a_link_that_leads_nowhere_stops_the_build(
    addition: str, complaint: str | None, tmp_path: Path
) -> None:
    copy_known_files(tmp_path)
    with (tmp_path / "docs/README.md").open("a", encoding="utf-8") as page:
        page.write(f"\n{addition}\n")
    done = subprocess.run(
        [MKDOCS, "build", "--strict"],
        cwd=tmp_path, env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        capture_output=True, check=False, text=True, timeout=120,
    )  # fmt: skip
    assert (done.returncode == 0) is (complaint is None), done.stdout + done.stderr
    if complaint:
        assert complaint in done.stdout + done.stderr
    else:
        html = (tmp_path / ".local/site/index.html").read_text(encoding="utf-8")
        assert "how-to/cron.html" in html
