"""What every stream of the API shares: address, scope, window, failures, rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, cast

import backoff
from singer_sdk import RESTStream, StreamSchema
from singer_sdk.exceptions import FatalAPIError, RetriableAPIError
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.schema.source import SchemaDirectory
from typing_extensions import override

from tap_ft42 import errors, retries
from tap_ft42.bookmarks import Window, level, next_window
from tap_ft42.pages import Page, page_of
from tap_ft42.records import EXTRA, BrokenRecordError, RecordShape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import requests
    from backoff.types import Details
    from singer_sdk.helpers.types import Auth, Context, Record, RequestFunc

    from tap_ft42.tap import TapFT42

SCHEMAS = SchemaDirectory(files("tap_ft42") / "schemas")
"""One JSON Schema a stream, named like the stream."""


class FT42Stream(RESTStream[int]):
    """A stream of the 42 API.

    A subclass declares its name, path, keys and filters; all behaviour is here
    and in the modules that this one calls.
    """

    schema: ClassVar[StreamSchema[str]] = StreamSchema(SCHEMAS)

    filters: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Query parameters that every request of the stream carries."""

    campus_filter: ClassVar[str | None] = None
    """The parameter that narrows the stream to the setting ``campus_ids``."""

    sort: ClassVar[str | None] = "id"
    """A key that no update moves, so that pages stay put; None if the API sorts
    the route by nothing that is documented."""

    largest_page: ClassVar[int] = 100
    """Rows a page, where the full 100 would take the API too long."""

    added_columns: ClassVar[Sequence[str]] = ()
    """Columns whose values the request knows: from the parent or the settings."""

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # rows fit their schema already

    _tap: TapFT42

    def __init__(self, tap: TapFT42) -> None:
        """Compile the stream's schema.

        Args:
            tap: The tap, which holds what the streams share.
        """
        super().__init__(tap)
        self.primary_keys = self.schema["x-primary-key"]
        self._shape = RecordShape(self.schema)
        self._partitions_read: list[dict[str, Any]] = []
        self._rejected = 0
        self._undeclared: set[str] = set()

    # Where and what to ask

    @property
    @override
    def url_base(self) -> str:
        return self._tap.api_url

    @property
    @override
    def requests_session(self) -> requests.Session:
        return self._tap.session

    @property
    @override
    def authenticator(self) -> Auth:
        return self._tap.token

    @property
    @override
    def timeout(self) -> tuple[float, float]:  # type: ignore[override]  # requests takes a pair
        """Seconds to connect, and to wait: ``/v2/coalitions`` takes up to 37."""
        return (10.0, 120.0)

    def query(self, context: Context | None) -> dict[str, Any]:
        """Return the query parameters of a run, without those of paging.

        Args:
            context: The parent's context, or None.

        Returns:
            Parameters by name; those that are None are not sent.
        """
        return {**self.filters, **self.scope_params(), **self._window_params(context)}

    def scope_params(self) -> dict[str, str]:
        """Return the query parameters that narrow the stream to the run's scope."""
        campus_ids = self._tap.scope.campus_ids
        if self.campus_filter is None or not campus_ids:
            return {}
        return {self.campus_filter: ",".join(map(str, sorted(campus_ids)))}

    def _window_params(self, context: Context | None) -> dict[str, str]:
        if self.replication_key is None:
            return {}
        window = self.window(context)
        return {f"range[{self.replication_key}]": window.as_range()}

    # Which window comes next

    def window(self, context: Context | None) -> Window:
        """Return the window of this run.

        Args:
            context: The parent's context, or None.

        Returns:
            The closed interval of the replication key that the run reads.
        """
        start_date = self.config.get("start_date")
        return next_window(
            self.get_starting_timestamp(context),
            not_before=self._parse_datetime(start_date) if start_date else None,
            run_started=datetime.fromtimestamp(self._tap.initialized_at / 1000, UTC),
            settle=timedelta(seconds=self.config["settle_seconds"]),
            overlap=timedelta(seconds=self.config["overlap_seconds"]),
        )

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> str | None:
        return self.window(context).upper if self.replication_key else None

    @override
    def finalize_state_progress_markers(self, state: dict[str, Any] | None = None) -> None:
        # The SDK calls this once a run, after the last child.
        if self.replication_key and self._partitions_read:
            level(self._partitions_read, self.replication_key)
        super().finalize_state_progress_markers(state)

    # Reading

    @override
    def request_records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        yield from self.read(self.query(context), context)
        if self.parent_stream_type is not None:
            self._partitions_read.append(self.get_context_state(context))

    def read(
        self, query: Mapping[str, Any], context: Context | None = None
    ) -> Iterator[dict[str, Any]]:
        """Read all pages of the stream's endpoint.

        Args:
            query: Parameters that select the records.
            context: The parent's context, where the path names it.

        Yields:
            Records as the API sends them.

        Raises:
            FatalAPIError: The API refuses the request.
            RetriableAPIError: Too many tries of one page failed.
            requests.RequestException: The API did not answer.
        """
        fetch = self.request_decorator(cast("Any", self._fetch))
        number, has_more = 1, True
        with self.get_http_request_counter() as counter:
            counter.with_context(context)
            while has_more:
                params = {
                    **query,
                    "sort": self.sort,
                    "page[number]": number,
                    "page[size]": min(self.config["page_size"], self.largest_page),
                }
                page = cast("Page", fetch(cast("Any", params), context))
                counter.increment()
                yield from page.records
                number, has_more = number + 1, page.has_more

    def _fetch(self, params: dict[str, Any], context: Context | None) -> Page:
        """Fetch a page; what is raised decides whether it is tried again."""
        request = self.build_prepared_request(
            method="GET", url=self.get_url(context), params=params
        )
        response = self._request(request, context)
        self.update_sync_costs(request, response, context)
        return page_of(response, params["page[number]"])

    @override
    def validate_response(self, response: requests.Response) -> None:
        if (
            response.status_code == HTTPStatus.TOO_MANY_REQUESTS
            or response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
        ):
            raise RetriableAPIError(errors.refusal(response), response)
        if not response.ok:
            raise FatalAPIError(errors.refusal(response))

    @override
    def request_decorator(self, func: RequestFunc) -> RequestFunc:
        return backoff.on_exception(
            retries.waits,
            retries.RETRIED,
            max_tries=retries.MAX_TRIES,
            jitter=backoff.random_jitter,
            on_backoff=self.backoff_handler,
            logger=None,  # backoff_handler says it in one line
        )(func)

    @override
    def backoff_handler(self, details: Details) -> None:
        self.logger.warning(
            "%s: try %d of %d failed, the next one follows in %.1f s: %s",
            self.name,
            details["tries"],
            retries.MAX_TRIES,
            details.get("wait", 0.0),
            errors.explain(details["exception"]),
        )

    @override
    def calculate_sync_cost(
        self,
        request: requests.PreparedRequest,
        response: requests.Response,
        context: Context | None,
    ) -> dict[str, int]:
        return {"requests": 1}

    # From records to rows

    @override
    def post_process(self, row: Record, context: Context | None = None) -> Record | None:
        added = {
            name: (context or {}).get(name, self.config.get(name))
            for name in self.added_columns
        }
        try:
            shaped = self._shape.row(row, added)
        except BrokenRecordError as broken:
            self._rejected += 1
            self._tap.rejected_records.keep(self.name, row, reason=str(broken))
            return None
        self._undeclared.update(shaped.get(EXTRA, ()))
        return shaped if self.is_in_scope(shaped) else None

    def is_in_scope(self, row: Record) -> bool:  # noqa: ARG002 - for subclasses
        """Tell whether a row belongs to the run, where the API's filter may not."""
        return True

    @override
    def log_sync_costs(self) -> None:
        super().log_sync_costs()
        if self._undeclared:
            self.logger.warning(
                "%s: the API sends fields that no column declares: %s. "
                "They are in the column %s.",
                self.name,
                ", ".join(sorted(self._undeclared)),
                EXTRA,
            )
        if self._rejected:
            self.logger.warning(
                "%s: %d records break the schema. They are in the stream %s, with the reasons.",
                self.name,
                self._rejected,
                self._tap.rejected_records.name,
            )
