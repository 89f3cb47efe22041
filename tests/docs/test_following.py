"""Who follows a page word for word gets what it says."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ft42_sandbox.testing import running_sandbox
from ft42_warehouse.embedded import HOST, NAME

from tests.docs.pages import Page, pages
from tests.docs.stranger import (
    PASSWORD,
    Stranger,
    copy_of_the_project,
    unseen_lines,
    variables,
)
from tests.ports import free_port
from tests.postgres import AdministeredPostgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ft42_sandbox.testing import RunningSandbox

_SOMEBODY = (
    "INSERT INTO ft42_raw.users (id, cursus_id, login, alumni, staff, kind) "
    "VALUES (12345, 21, 'jdoe', false, false, 'student')"
)
_PAGES = [page for page in pages() if page.has_commands]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that the user of an embedded server may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="ft42-docs-") as made:
        yield Path(made)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(users=200, enrolments=2000) as sandbox:
        yield sandbox


@pytest.fixture
def project(folder: Path, request: pytest.FixtureRequest) -> Path:
    name = request.node.callspec.id.replace("/", "-")
    return copy_of_the_project(folder / name)


@contextmanager
def server(project: Path) -> Iterator[tuple[AdministeredPostgres, int]]:
    postgres, port = AdministeredPostgres(project / ".local/server"), free_port()
    postgres.start(port)
    try:
        yield postgres, port
    finally:
        postgres.stop()


def with_nothing(project: Path) -> Stranger:
    """A fresh checkout; only the ports are others, as somebody may use the usual ones."""
    api, database = str(free_port()), str(free_port())
    return Stranger(
        project,
        variables()
        | {
            "FT42_SANDBOX_PORT": api,
            "TAP_FT42_API_URL": f"http://{HOST}:{api}",
            "TARGET_POSTGRES_PORT": database,
        },
        {"4242": api, "5442": database},
    )


def with_server(
    project: Path, sandbox: RunningSandbox, postgres: AdministeredPostgres, port: int
) -> Stranger:
    """Real credentials, as far as the page can tell, and a server to administer."""
    own = variables()
    return Stranger(
        project,
        own
        | {
            "PATH": f"{postgres.programs}:{own['PATH']}",
            "PAGER": "cat",
            "PGHOST": HOST, "PGPORT": str(port), "PGUSER": NAME, "PGPASSWORD": NAME,
            "PGDATABASE": NAME,
            "TARGET_POSTGRES_HOST": HOST,
            "TARGET_POSTGRES_PORT": str(port),
            "TARGET_POSTGRES_USER": NAME,
            "TARGET_POSTGRES_PASSWORD": NAME,
            "TARGET_POSTGRES_DATABASE": NAME,
            "TAP_FT42_API_URL": sandbox.url,
            "TAP_FT42_CLIENT_ID": sandbox.client_id,
            "TAP_FT42_CLIENT_SECRET": sandbox.client_secret,
            "TAP_FT42_REQUESTS_PER_SECOND": "0",
            "TAP_FT42_REQUESTS_PER_HOUR": "0",
        },
        {"5442": str(port)},
    )  # fmt: skip


def prepare(stranger: Stranger, page: Page) -> None:
    """Bring about what a page takes for granted."""
    if page.tested_with.startswith("a load"):
        done = stranger.shell(".venv/bin/meltano --environment=prod run nightly")
        assert done.returncode == 0, done.stdout[-3000:]
    if "somebody with the id 12345" in page.tested_with:
        done = stranger.shell(f'psql -c "{_SOMEBODY}"')
        assert done.returncode == 0, done.stdout
        stranger.shell(".venv/bin/meltano --environment=prod run warehouse:publish")
    if "a server alone" in page.tested_with:
        # What the page's reader types at a prompt, once the accounts are made.
        stranger.instead["LOGIN;"] = f"LOGIN PASSWORD '{PASSWORD}';"
        stranger.instead[":PASSWORD@"] = f":{PASSWORD}@"


@pytest.mark.slow
@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_the_page_can_be_followed_word_for_word(
    page: Page, project: Path, sandbox: RunningSandbox
) -> None:
    if page.tested_with == "nothing":
        stranger = with_nothing(project)
        try:
            stranger.follow(page)
        finally:
            stranger.shell("make down")
        return
    if "a second application" in page.tested_with:
        sandbox.control(
            "POST",
            "applications",
            {"client_id": "the-uid-of-lyon", "client_secret": "the-secret-of-lyon"},
        )
    with server(project) as (postgres, port):
        stranger = with_server(project, sandbox, postgres, port)
        prepare(stranger, page)
        stranger.follow(page)


@pytest.mark.parametrize(
    ("expected", "missing"),
    [
        ("… users   1,000 changed\nAll promises hold", []),
        ("Last publish: 2026-01-01 00:00:00 UTC, 1.3 s", []),
        ("users  1,000 deleted", ["users  1,000 deleted"]),
        ("users  3,000 changed", ["users  3,000 changed"]),
        ("All promises hold\nusers 1,000 changed", ["users 1,000 changed"]),
    ],
)
def test_an_output_that_is_not_shown_is_noticed(expected: str, missing: list[str]) -> None:
    shown = (
        "Last publish: 2026-11-25 16:03:00.1 UTC, 12.4 s\n"
        "2026-11-25T16:02:24.5Z [info] users     1,000 changed\nAll promises hold\n"
    )
    assert unseen_lines(expected, shown) == missing
