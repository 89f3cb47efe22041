"""A server with other databases and other people's roles: nobody's things are touched."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from click.testing import CliRunner
from ft42_warehouse.cli import main
from ft42_warehouse.embedded import HOST, NAME

from tests.postgres import AdministeredPostgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

SCHEMAS = ("ft42_raw", "ft42", "ft42_warehouse")
ROLES = ("ft42_loader", "ft42_publisher", "ft42_reader")
OTHERS_MAY = """
SELECT nspname FROM pg_namespace AS n, pg_roles AS r
WHERE nspname = ANY (%s) AND rolname = ANY (%s) AND has_schema_privilege(r.oid, n.oid, 'USAGE')
UNION ALL
SELECT datname FROM pg_database AS d, pg_roles AS r
WHERE datname = current_database() AND rolname = ANY (%s)
AND has_database_privilege(r.oid, d.oid, 'CREATE')
"""


@dataclass(frozen=True)
class Server:
    """A server with several databases, whose own account is a superuser."""

    port: int

    def execute(self, *statements: str, database: str = "postgres", user: str = NAME) -> None:
        with self.connect(database, user) as connection:
            for statement in statements:
                connection.execute(statement)

    def query(
        self, statement: str, *values: object, database: str, user: str = NAME
    ) -> list[tuple[Any, ...]]:
        with self.connect(database, user) as connection:
            return connection.execute(statement, values).fetchall()

    def connect(self, database: str, user: str) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(
            host=HOST, port=self.port, user=user, password=user, dbname=database,
            autocommit=True,
        )  # fmt: skip

    def attempt(self, *arguments: str, database: str, user: str) -> Result:
        environment = {
            "TARGET_POSTGRES_HOST": HOST,
            "TARGET_POSTGRES_PORT": str(self.port),
            "TARGET_POSTGRES_USER": user,
            "TARGET_POSTGRES_PASSWORD": user,
            "TARGET_POSTGRES_DATABASE": database,
        }
        return CliRunner().invoke(main, arguments, env=environment)

    def run(self, *arguments: str, database: str, user: str) -> str:
        done = self.attempt(*arguments, database=database, user=user)
        assert done.exit_code == 0, done.output
        return done.output

    def works(self, database: str, user: str) -> None:
        """See that an account can do all that the pipeline does, and again."""
        self.run("init", database=database, user=user)
        self.execute(
            "INSERT INTO ft42_raw.users (id, cursus_id, login, kind) "
            "VALUES (1, 21, 'a', 'student') ON CONFLICT DO NOTHING",
            database=database,
            user=user,
        )
        for command in ("publish", "init"):
            self.run(command, database=database, user=user)
        assert self.query("SELECT id FROM ft42.users", database=database, user=user) == [(1,)]

    def others_may(self, database: str) -> list[tuple[Any, ...]]:
        """Return what the three roles may use or make in a database."""
        return self.query(
            OTHERS_MAY, list(SCHEMAS), list(ROLES), list(ROLES), database=database
        )


@pytest.fixture(scope="module")
def started(memory: Path) -> Iterator[Server]:
    postgres = AdministeredPostgres(memory / "shared")
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    postgres.start(port)
    yield Server(port)
    postgres.stop()


@pytest.fixture
def server(started: Server) -> Iterator[Server]:
    """Two empty databases and their owners; nobody may make roles."""
    started.execute(
        *(f"CREATE ROLE {name} LOGIN PASSWORD '{name}'" for name in ("anna", "bert", "carl")),
        "CREATE DATABASE a OWNER anna",
        "CREATE DATABASE b OWNER bert",
    )
    yield started
    started.execute(*(f"DROP DATABASE {name} WITH (FORCE)" for name in ("a", "b")))
    started.execute(
        *(f"DROP ROLE IF EXISTS {name}" for name in (*ROLES, "anna", "bert", "carl"))
    )


@pytest.mark.slow
@pytest.mark.parametrize("right", ["CREATEROLE", "NOCREATEROLE"])
def test_roles_of_another_database_get_no_rights_and_stop_nothing(
    server: Server, right: str
) -> None:
    server.execute("ALTER ROLE anna CREATEROLE", f"ALTER ROLE bert {right}")
    server.works("a", "anna")
    said = server.run("init", database="b", user="bert")
    assert "has ft42_loader, ft42_publisher, ft42_reader already, but this account" in said
    server.works("b", "bert")
    assert server.others_may("b") == []
    assert server.others_may("a")
    server.works("a", "anna")


@pytest.mark.slow
def test_a_superuser_too_leaves_the_roles_of_another_database_alone(server: Server) -> None:
    server.execute("ALTER ROLE anna CREATEROLE")
    server.works("a", "anna")
    server.works("b", NAME)
    assert server.others_may("b") == []


@pytest.mark.slow
def test_one_role_of_somebody_else_is_enough_to_make_none(server: Server) -> None:
    server.execute("CREATE ROLE ft42_reader LOGIN", "ALTER ROLE bert CREATEROLE")
    server.works("b", "bert")
    assert server.others_may("b") == []
    made = server.query("SELECT rolname FROM pg_roles WHERE rolname ~ 'ft42_'", database="b")
    assert made == [("ft42_reader",)]


@pytest.mark.slow
def test_who_may_grant_the_roles_but_is_no_member_uses_them(server: Server) -> None:
    server.execute("ALTER ROLE anna CREATEROLE")
    server.execute(*(f"CREATE ROLE {name}" for name in ROLES), user="anna", database="a")
    server.works("a", "anna")
    assert server.others_may("a")


@pytest.mark.slow
def test_somebody_elses_init_takes_nothing_from_the_owner(server: Server) -> None:
    server.works("a", "anna")
    server.execute(
        "DROP TABLE ft42.campus_users CASCADE",
        "DROP TABLE ft42_raw.blocs CASCADE",
        database="a",
    )
    server.run("init", database="a", user=NAME)
    server.works("a", "anna")
    owners = server.query(
        "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = ANY (%s)",
        list(SCHEMAS),
        database="a",
    )
    assert owners == [("anna",)]


@pytest.mark.slow
def test_who_lacks_rights_is_told_whose_the_schemas_are(server: Server) -> None:
    server.works("a", "anna")
    server.execute("GRANT CREATE ON DATABASE a TO bert")
    for arguments in (["init"], ["init", "--job", "nightly"]):
        done = server.attempt(*arguments, database="a", user="bert")
        assert done.exit_code == 1
        assert "bert may not do this: permission denied for schema" in done.output
        assert "anna owns ft42, ft42_raw, ft42_warehouse" in done.output
        assert "warehouse init" not in done.output
    server.works("a", "anna")


def test_who_may_make_no_schema_is_told_the_statements_and_they_suffice(
    server: Server,
) -> None:
    server.execute("REVOKE CONNECT, TEMPORARY ON DATABASE a FROM PUBLIC")
    server.execute("GRANT CONNECT ON DATABASE a TO carl")
    done = server.attempt("init", database="a", user="carl")
    assert done.exit_code == 1
    assert "warehouse init" not in done.output
    statements = done.output.strip().partition("must run: ")[2].removesuffix(".")
    assert statements.count("CREATE SCHEMA") == 3
    server.execute(*statements.split("; "), database="a")
    said = server.run("init", database="a", user="carl")
    needed = "GRANT TEMPORARY ON DATABASE a TO carl"
    assert f"Somebody with the right to do so must run: {needed};" in said
    server.execute(needed, database="a")
    server.works("a", "carl")
    assert "must run" not in server.run("init", database="a", user="carl")


@pytest.mark.slow
@pytest.mark.parametrize("given", ["to carl", "to the publisher", "to the account alone"])
def test_schemas_that_a_dba_made_need_no_right_to_make_others(
    server: Server, given: str
) -> None:
    if given != "to the account alone":
        server.execute(
            *(f"CREATE ROLE {name}" for name in ROLES), f"GRANT {', '.join(ROLES)} TO carl"
        )
    publisher = "ft42_publisher" if given == "to the publisher" else "carl"
    for name in SCHEMAS:
        made = (
            f"CREATE SCHEMA {name}; GRANT USAGE, CREATE ON SCHEMA {name} TO carl"
            if given == "to the account alone"
            else f"CREATE SCHEMA {name} AUTHORIZATION {publisher}"
        )
        server.execute(made, database="a")
    server.works("a", "carl")


@pytest.mark.slow
def test_views_that_the_account_made_for_itself_stay_its_own(server: Server) -> None:
    server.execute("ALTER ROLE anna CREATEROLE")
    server.works("a", "anna")
    server.execute(
        "CREATE SCHEMA mine", "CREATE TABLE mine.notes (user_id bigint)",
        "CREATE VIEW ft42.noted AS SELECT * FROM ft42.users JOIN mine.notes ON user_id = id",
        database="a", user="anna",
    )  # fmt: skip
    server.works("a", "anna")
    server.query("SELECT * FROM ft42.noted", database="a", user="anna")
