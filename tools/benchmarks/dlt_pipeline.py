"""What both ways of using dlt share: limits, column types, pipeline."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import dlt
from dlt.sources.helpers.requests import Client
from requests_ratelimiter import LimiterAdapter

if TYPE_CHECKING:
    import requests

# Requests on their way at once: 2 a second are kept up while answers take ten.
WORKERS = 20


def credentials() -> dict[str, str]:
    """Return what dlt's OAuth2 client credentials take."""
    return {
        "access_token_url": f"{os.environ['BENCH_API_URL']}/oauth/token",
        "client_id": os.environ["BENCH_CLIENT_ID"],
        "client_secret": os.environ["BENCH_CLIENT_SECRET"],
    }


def limited_session() -> requests.Session:
    """Return dlt's session, which tries again and obeys ``Retry-After``, with the limit.

    dlt has no limiter of its own; without one, twenty workers would only collect 429s.
    """
    session: requests.Session = Client(
        request_timeout=120, max_connections=WORKERS, request_max_attempts=10
    ).session
    per_second = int(os.environ["BENCH_PER_SECOND"])
    if per_second:
        adapter = LimiterAdapter(per_second=per_second, limit_statuses=(), pool_maxsize=WORKERS)
        session.mount("http://", adapter)
    return session


def hints(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a resource's key and column types, which spare dlt from guessing.

    Rows are merged by deleting and inserting: the strategy ``upsert`` fails when a row
    comes twice in a run, as enrolments of people with two campuses do.
    """
    key = schema["x-primary-key"]
    return {
        "primary_key": key,
        "write_disposition": "merge",
        "columns": {
            name: {"name": name, "data_type": _data_type(column), "nullable": name not in key}
            for name, column in schema["properties"].items()
        },
    }


def _data_type(column: dict[str, Any]) -> str:
    kinds = column["type"] if isinstance(column["type"], list) else [column["type"]]
    (kind,) = set(kinds) - {"null"}
    if column.get("format") == "date-time":
        return "timestamp"
    return {
        "array": "json",
        "boolean": "bool",
        "integer": "bigint",
        "number": "double",
        "object": "json",
        "string": "text",
    }[kind]


def pipeline() -> dlt.Pipeline:
    """Return the pipeline, whose files and state lie in the current folder."""
    return dlt.pipeline(
        pipeline_name="bench",
        pipelines_dir="pipelines",
        destination=dlt.destinations.postgres(
            f"postgresql://{os.environ['PGUSER']}:{os.environ['PGPASSWORD']}"
            f"@{os.environ['PGHOST']}:{os.environ['PGPORT']}/{os.environ['PGDATABASE']}"
        ),
        dataset_name=os.environ["BENCH_SCHEMA"],
    )
