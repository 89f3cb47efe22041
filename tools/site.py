"""What ``make site`` adds to MkDocs: links that lead out of ``docs/`` lead to the repository.

On a forge such links are relative, and work there; a site has only the pages.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.exceptions import PluginError

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

_LINK_UPWARD = re.compile(r"\]\((\.\./[^)#\s]*)(#[^)\s]*)?\)")


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return a page's text with its links into the repository.

    Args:
        markdown: The text.
        page: The page.
        config: The site's settings.
        files: All files of the site.

    Raises:
        PluginError: A link leads to nothing.
    """
    del files
    pages = Path(config.docs_dir)
    repository = pages.parent

    def lead_out(link: re.Match[str]) -> str:
        target = Path(os.path.normpath(pages / page.file.src_uri / ".." / link[1]))
        if target.is_relative_to(pages):
            return link[0]
        if not target.exists():
            message = f"{page.file.src_uri} links to {link[1]}, which is not there"
            raise PluginError(message)
        kind = "tree" if target.is_dir() else "blob"
        place = target.relative_to(repository).as_posix()
        return f"]({config.repo_url}/{kind}/main/{place}{link[2] or ''})"

    return _LINK_UPWARD.sub(lead_out, markdown)
