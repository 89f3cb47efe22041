"""dlt's declarative ``rest_api`` source, as fast as it can be set.

Resources and the children of a parent run in parallel, the pages of one list never do.
Parquet through ADBC loads fastest of the destination's formats (``BENCH_FORMAT`` takes
another one). Children of a parent are read in full every time: in a child resource the
start of an increment moves on while it is read (dlt 1.31), and rows are lost even from a
list that stands still. ``python -m tools.benchmarks.dlt_rest_api`` loads what its
environment names.
"""

from __future__ import annotations

import os
from typing import Any

import dlt
from dlt.sources.rest_api import rest_api_source

from tools.benchmarks.columns import paths_of, row_of, schema_of
from tools.benchmarks.dlt_pipeline import (
    WORKERS,
    credentials,
    hints,
    limited_session,
    pipeline,
)
from tools.benchmarks.endpoints import ENDPOINTS, INCREMENTAL, Endpoint


def resource(endpoint: Endpoint) -> dict[str, Any]:
    """Declare a resource."""
    schema = schema_of(endpoint.name)
    paths = paths_of(schema)
    params: dict[str, Any] = dict(endpoint.query)
    path = endpoint.path
    is_incremental = endpoint.name in INCREMENTAL and endpoint.parent is None
    if is_incremental:
        params["range[updated_at]"] = "{incremental.start_value},now"
    if endpoint.parent:
        own = f"{{resources.{endpoint.parent}.id}}"
        if endpoint.parent_param:
            params[endpoint.parent_param] = own
        else:
            path = path.replace("{id}", own)

    def shape(record: dict[str, Any]) -> dict[str, Any]:
        campus = (
            {"campus_id": record[f"_{endpoint.parent}_id"]} if endpoint.parent_param else {}
        )
        return row_of(record, paths, campus | endpoint.added)

    declared: dict[str, Any] = {"path": path, "params": params, "paginator": "header_link"}
    if is_incremental:
        declared["incremental"] = {
            "cursor_path": "updated_at",
            "initial_value": "1970-01-01T00:00:00.000Z",
        }
    return {
        "name": endpoint.name,
        "endpoint": declared,
        "include_from_parent": ["id"] if endpoint.parent_param else [],
        "processing_steps": [{"map": shape}],
        "parallelized": True,
        **hints(schema),
    }


def main() -> None:
    """Load."""
    streams = os.environ["BENCH_STREAMS"].split()
    source = rest_api_source(
        {
            "client": {
                "base_url": os.environ["BENCH_API_URL"],
                "auth": {"type": "oauth2_client_credentials", **credentials()},
                "session": limited_session(),
            },
            "resources": [
                resource(endpoint) for endpoint in ENDPOINTS if endpoint.name in streams
            ],
        },
        max_table_nesting=0,
    )
    pipeline().run(source, loader_file_format=os.environ.get("BENCH_FORMAT", "parquet"))


if __name__ == "__main__":
    dlt.config["extract.workers"] = WORKERS
    main()
