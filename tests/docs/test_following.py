"""Who follows a page word for word gets what it says."""

from __future__ import annotations

import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
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
from tests.sandboxes import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ft42_sandbox.testing import RunningSandbox

_SOMEBODY = (
    "INSERT INTO ft42_raw.users (id, cursus_id, login, alumni, staff, kind) "
    "VALUES (12345, 21, 'jdoe', false, false, 'student')"
)
_PAGES = [page for page in pages() if page.has_commands]


@dataclass(frozen=True)
class World:
    """What a page takes for granted: a project, and a server that does not run.

    Both are copied for each page that begins with them.
    """

    project: Path
    postgres: AdministeredPostgres


# Of the session, as pages are shared out one by one.
@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder that the user of an embedded server may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="ft42-docs-") as made:
        yield Path(made)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(users=200, enrolments=2000) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def fresh(folder: Path) -> World:
    """A fresh checkout, and a server without any table."""
    postgres = AdministeredPostgres(folder / "server without tables")
    postgres.start(free_port())
    postgres.stop()
    return World(copy_of_the_project(folder / "fresh"), postgres)


@pytest.fixture(scope="session")
def loaded(folder: Path, sandbox: RunningSandbox, fresh: World) -> World:
    """What a first night leaves behind."""
    project, postgres = copied(fresh.project, folder / "loaded"), folder / "loaded server"
    with server(postgres, fresh) as (postgres_, port):
        stranger = with_server(project, sandbox, postgres_, port)
        done = stranger.shell(".venv/bin/meltano --environment=prod run nightly")
        assert done.returncode == 0, done.stdout[-3000:]
    return World(project, postgres_)


def copied(project: Path, into: Path) -> Path:
    subprocess.run(["cp", "-a", project, into], check=True)  # noqa: S607 - any cp
    return into


@contextmanager
def server(directory: Path, world: World) -> Iterator[tuple[AdministeredPostgres, int]]:
    postgres, port = AdministeredPostgres(directory), free_port()
    postgres.start_as(world.postgres, port)
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
    """Bring about what a page takes for granted, besides a world."""
    if "somebody with the id 12345" in page.tested_with:
        done = stranger.shell(f'psql -c "{_SOMEBODY}" && .venv/bin/warehouse publish')
        assert done.returncode == 0, done.stdout
    if "a server alone" in page.tested_with:
        # What the page's reader types at a prompt, once the accounts are made.
        stranger.instead["LOGIN;"] = f"LOGIN PASSWORD '{PASSWORD}';"
        stranger.instead[":PASSWORD@"] = f":{PASSWORD}@"


@pytest.mark.long
@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_the_page_can_be_followed_word_for_word(
    page: Page, folder: Path, sandbox: RunningSandbox, request: pytest.FixtureRequest
) -> None:
    is_loaded = page.tested_with.startswith("a load")
    world: World = request.getfixturevalue("loaded" if is_loaded else "fresh")
    project = copied(world.project, folder / page.name.replace("/", "-"))
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
    with server(project / ".local/server", world) as (postgres, port):
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
