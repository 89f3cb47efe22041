"""A Singer tap for the API as the SDK's documentation teaches to write one.

One request at a time, pages by number, ``Retry-After`` obeyed, incremental where there
is an ``updated_at``. The streams, filters and tables are those of ``tap-ft42``.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import OAuthAuthenticator
from singer_sdk.pagination import BasePageNumberPaginator
from typing_extensions import override

from tools.benchmarks.columns import paths_of, row_of, schema_of

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    import requests
    from singer_sdk import Stream
    from singer_sdk.helpers.types import Context, Record


class ClientCredentials(OAuthAuthenticator):
    """The application's token."""

    @property
    @override
    def oauth_request_body(self) -> dict[str, Any]:
        return {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }


class LinkedPages(BasePageNumberPaginator):
    """Pages by number, until no link leads on."""

    @override
    def has_more(self, response: requests.Response) -> bool:
        return "next" in response.links


class PlainStream(RESTStream[int]):
    """What the streams share."""

    page_size = 100
    filters: dict[str, str] = {}  # noqa: RUF012 - as the SDK's templates do
    sort: str | None = "id"

    def __init__(self, tap: PlainTap) -> None:
        schema = schema_of(self.name)
        self.primary_keys = schema["x-primary-key"]
        self._paths = paths_of(schema)
        self._token = tap.token
        super().__init__(tap, schema=schema)

    @property
    @override
    def url_base(self) -> str:
        return str(self.config["api_url"])

    @property
    @override
    def authenticator(self) -> OAuthAuthenticator:
        return self._token

    @override
    def get_new_paginator(self) -> LinkedPages:
        return LinkedPages(start_value=1)

    @override
    def get_url_params(
        self, context: Context | None, next_page_token: int | None
    ) -> dict[str, Any]:
        params: dict[str, Any] = {
            **self.filters,
            "page[size]": self.page_size,
            "page[number]": next_page_token,
        }
        if self.sort:
            params["sort"] = self.sort
        if self.replication_key and (start := self.get_starting_timestamp(context)):
            params["range[updated_at]"] = f"{start:%Y-%m-%dT%H:%M:%S.%fZ},now"
        return params

    @override
    def backoff_wait_generator(self) -> Generator[float, None, None]:
        return self.backoff_runtime(value=_asked_wait)

    @override
    def post_process(self, row: Record, context: Context | None = None) -> Record:
        return row_of(row, self._paths, self.added(context))

    def added(self, context: Context | None) -> dict[str, Any]:  # noqa: ARG002 - for subclasses
        """Return columns that the request knows."""
        return {}


def _asked_wait(failure: Exception) -> float:
    response = getattr(failure, "response", None)
    return float(response.headers.get("Retry-After", 1)) if response is not None else 1.0


class Cursus(PlainStream):
    """Every curriculum."""

    name, path = "cursus", "/v2/cursus"


class Projects(PlainStream):
    """Projects of the cursus."""

    name, path, replication_key = "projects", "/v2/cursus/21/projects", "updated_at"
    page_size = 30

    @override
    def added(self, context: Context | None) -> dict[str, Any]:
        return {"cursus_id": 21}


class Achievements(PlainStream):
    """Every badge."""

    name, path = "achievements", "/v2/achievements"


class Users(PlainStream):
    """Students who are not alumni."""

    name, path, replication_key = "users", "/v2/cursus/21/users", "updated_at"
    filters = {"filter[kind]": "student", "filter[alumni?]": "false"}  # noqa: RUF012

    @override
    def added(self, context: Context | None) -> dict[str, Any]:
        return {"cursus_id": 21}


class Campuses(PlainStream):
    """Every campus."""

    name, path = "campuses", "/v2/campus"

    @override
    def get_child_context(self, record: Record, context: Context | None) -> Context:
        return {"campus_id": record["id"]}


class ProjectsUsers(PlainStream):
    """Enrolments, campus by campus."""

    name, path, replication_key = "projects_users", "/v2/projects_users", "updated_at"
    parent_stream_type = Campuses
    sort = None  # none is documented for this route

    @override
    def get_url_params(
        self, context: Context | None, next_page_token: int | None
    ) -> dict[str, Any]:
        scope = {"filter[campus]": (context or {})["campus_id"], "filter[cursus]": 21}
        return {**super().get_url_params(context, next_page_token), **scope}

    @override
    def added(self, context: Context | None) -> dict[str, Any]:
        return {"campus_id": (context or {})["campus_id"], "cursus_id": 21}


class Blocs(PlainStream):
    """Groups of coalitions."""

    name, path = "blocs", "/v2/blocs"


class Coalitions(PlainStream):
    """Every coalition."""

    name, path = "coalitions", "/v2/coalitions"

    @override
    def get_child_context(self, record: Record, context: Context | None) -> Context:
        return {"coalition_id": record["id"]}


class CoalitionsUsers(PlainStream):
    """Memberships, coalition by coalition."""

    name, replication_key = "coalitions_users", "updated_at"
    path = "/v2/coalitions/{coalition_id}/coalitions_users"
    parent_stream_type = Coalitions


class AchievementsUsers(PlainStream):
    """Badges that people earned."""

    name, path = "achievements_users", "/v2/achievements_users"
    replication_key = "updated_at"


class PlainTap(Tap):
    """The tap."""

    name = "tap-plain"
    config_jsonschema = th.PropertiesList(
        th.Property("api_url", th.StringType, required=True),
        th.Property("client_id", th.StringType, required=True),
        th.Property("client_secret", th.StringType, required=True, secret=True),
    ).to_dict()

    @cached_property
    def token(self) -> ClientCredentials:
        """One token for all streams."""
        return ClientCredentials(
            client_id=self.config["client_id"],
            client_secret=self.config["client_secret"],
            auth_endpoint=f"{self.config['api_url']}/oauth/token",
            default_expiration=7200,
        )

    @override
    def discover_streams(self) -> Sequence[Stream]:
        return [
            stream(self)
            for stream in (
                Cursus, Projects, Achievements, Users, Campuses, ProjectsUsers, Blocs,
                Coalitions, CoalitionsUsers, AchievementsUsers,
            )
        ]  # fmt: skip


if __name__ == "__main__":
    PlainTap.cli()
