"""dlt at its fastest: pages asked for in parallel, and handed on as Arrow tables.

This is code, not configuration: the first page of a list tells how many there are, the
others are deferred to dlt's workers, and each becomes an Arrow table, which spares dlt
from looking at every value. ``python -m tools.benchmarks.dlt_arrow`` loads what its
environment names.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from math import ceil
from typing import TYPE_CHECKING, Any

import dlt
import pyarrow as pa
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.auth import OAuth2ClientCredentials
from dlt.sources.helpers.rest_client.paginators import HeaderLinkPaginator

from tools.benchmarks.columns import paths_of, row_of, schema_of
from tools.benchmarks.dlt_pipeline import (
    WORKERS,
    credentials,
    hints,
    limited_session,
    pipeline,
)
from tools.benchmarks.endpoints import ENDPOINTS, INCREMENTAL, Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_TYPES = {
    "bigint": pa.int64(),
    "bool": pa.bool_(),
    "double": pa.float64(),
    "json": pa.string(),
    "text": pa.string(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}


class Lists:
    """The lists of the API as resources of dlt."""

    def __init__(self) -> None:
        """Open a client; nothing is asked for yet."""
        self._client = RESTClient(
            base_url=os.environ["BENCH_API_URL"],
            auth=OAuth2ClientCredentials(**credentials()),
            session=limited_session(),
        )
        self._parents: dict[str, list[int]] = {}

    def resource(self, endpoint: Endpoint) -> Any:  # noqa: ANN401 - dlt's
        """Return a list as a resource."""
        schema = schema_of(endpoint.name)
        hinted = hints(schema)
        as_table = _table_maker(schema, hinted["columns"])
        is_incremental = endpoint.name in INCREMENTAL
        increment = (
            dlt.sources.incremental("updated_at", initial_value=datetime.fromtimestamp(0, UTC))
            if is_incremental
            else None
        )

        def pages(updated_at: Any = increment) -> Iterator[Any]:  # noqa: ANN401 - dlt reads it
            window = (
                {"range[updated_at]": f"{updated_at.start_value.isoformat()},now"}
                if is_incremental
                else {}
            )
            for path, params, added in self._lists_of(endpoint):
                yield from self._pages(path, {**params, **window}, as_table, added)

        return dlt.resource(pages, name=endpoint.name, parallelized=True, **hinted)

    def _lists_of(self, endpoint: Endpoint) -> Iterator[tuple[str, dict[str, str], Any]]:
        if endpoint.parent is None:
            yield endpoint.path, endpoint.query, endpoint.added
            return
        for parent_id in self._ids(endpoint.parent):
            if endpoint.parent_param:
                params = {**endpoint.query, endpoint.parent_param: str(parent_id)}
                yield endpoint.path, params, {"campus_id": parent_id, **endpoint.added}
            else:
                yield endpoint.path.replace("{id}", str(parent_id)), endpoint.query, {}

    def _ids(self, parent: str) -> list[int]:
        (endpoint,) = (listed for listed in ENDPOINTS if listed.name == parent)
        pages = self._client.paginate(
            endpoint.path, params=dict(endpoint.query), paginator=HeaderLinkPaginator()
        )
        return [row["id"] for page in pages for row in page]

    def _pages(
        self,
        path: str,
        params: dict[str, str],
        as_table: Callable[[list[Any], dict[str, Any]], pa.Table],
        added: dict[str, Any],
    ) -> Iterator[Any]:
        @dlt.defer  # type: ignore[untyped-decorator,unused-ignore]  # untyped where dlt is not
        def page(number: int) -> pa.Table:
            answer = self._client.get(path, params={**params, "page[number]": number})
            return as_table(answer.json(), added)

        first = self._client.get(path, params=params)
        yield as_table(first.json(), added)
        total, size = int(first.headers["X-Total"]), int(first.headers["X-Per-Page"])
        for number in range(2, ceil(total / size) + 1):
            yield page(number)


def _table_maker(
    schema: dict[str, Any], columns: dict[str, Any]
) -> Callable[[list[Any], dict[str, Any]], pa.Table]:
    paths = paths_of(schema)
    types = {name: column["data_type"] for name, column in columns.items()}
    arrow = pa.schema([(name, _TYPES[type_]) for name, type_ in types.items()])
    as_json = [name for name, type_ in types.items() if type_ == "json"]
    instants = [name for name, type_ in types.items() if type_ == "timestamp"]

    def as_table(records: list[Any], added: dict[str, Any]) -> pa.Table:
        rows = [row_of(record, paths, added) for record in records]
        table: dict[str, Any] = {name: [row[name] for row in rows] for name in types}
        for name in as_json:
            table[name] = [
                None if value is None else json.dumps(value) for value in table[name]
            ]
        for name in instants:
            table[name] = pa.array(table[name], pa.string()).cast(_TYPES["timestamp"])
        return pa.table(table, schema=arrow)

    return as_table


def main() -> None:
    """Load."""
    streams = os.environ["BENCH_STREAMS"].split()
    lists = Lists()
    resources = [lists.resource(endpoint) for endpoint in ENDPOINTS if endpoint.name in streams]
    pipeline().run(resources, loader_file_format=os.environ.get("BENCH_FORMAT", "parquet"))


if __name__ == "__main__":
    dlt.config["extract.workers"] = WORKERS
    main()
