"""The tap: its settings, its streams, and what they share."""

from __future__ import annotations

from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, cast

from singer_sdk import Stream, Tap
from singer_sdk import typing as th
from singer_sdk.contrib.msgspec import MsgSpecWriter
from typing_extensions import override

from tap_ft42.auth import BearerToken
from tap_ft42.client import FT42Stream
from tap_ft42.quota import limited_session
from tap_ft42.rejections import RejectedRecordsStream
from tap_ft42.scope import Scope
from tap_ft42.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import requests


class TapFT42(Tap):
    """Singer tap for the intranet API of the 42 schools."""

    name = "tap-ft42"
    package_name = "tap-ft42"
    message_writer_class = MsgSpecWriter

    config_jsonschema = th.PropertiesList(
        th.Property(
            "client_id",
            th.StringType(min_length=1),
            required=True,
            secret=True,
            title="Application UID",
            description="UID of the application on the intranet.",
        ),
        th.Property(
            "client_secret",
            th.StringType(min_length=1),
            required=True,
            secret=True,
            title="Application secret",
            description="Secret of the application; 42 rotates it every 28 days.",
        ),
        th.Property(
            "api_url",
            th.StringType(pattern=r"^https?://[^/\s]"),
            default="https://api.intra.42.fr",
            title="API URL",
            description="Base URL of the API.",
        ),
        th.Property(
            "cursus_id",
            th.IntegerType(minimum=1),
            default=21,
            title="Cursus",
            description="The cursus whose projects, students and enrolments are read.",
        ),
        th.Property(
            "campus_ids",
            th.ArrayType(th.IntegerType(minimum=1)),
            title="Campuses",
            description=(
                "Campuses whose students are read, with all that hangs on them; "
                "all listed campuses if empty."
            ),
        ),
        th.Property(
            "start_date",
            th.DateTimeType(
                pattern=r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$"
            ),
            title="Start date",
            description="Incremental streams read nothing that last changed before.",
        ),
        th.Property(
            "page_size",
            th.IntegerType(minimum=1, maximum=100),
            default=100,
            title="Page size",
            description="Records a page; the API allows up to 100.",
        ),
        th.Property(
            "requests_per_second",
            th.IntegerType(minimum=0),
            default=2,
            title="Requests a second",
            description="The application's limit; 0 means no limit.",
        ),
        th.Property(
            "requests_per_hour",
            th.IntegerType(minimum=0),
            default=1200,
            title="Requests an hour",
            description="The application's limit; 0 means no limit.",
        ),
        th.Property(
            "settle_seconds",
            th.IntegerType(minimum=0),
            default=30,
            title="Settle time",
            description=(
                "How far in the past a read ends, so that rows that are just being "
                "written are left to the next run."
            ),
        ),
        th.Property(
            "overlap_seconds",
            th.IntegerType(minimum=0),
            default=60,
            title="Overlap",
            description="How far before its bookmark a read begins, as clocks differ.",
        ),
        th.Property(
            "user_agent",
            th.StringType(min_length=1),
            default=f"tap-ft42/{version('tap-ft42')}",
            title="User agent",
            description="Names the client; the API refuses requests without a name.",
        ),
    ).to_dict()

    @override
    def discover_streams(self) -> Sequence[Stream]:
        return [*(stream(self) for stream in STREAMS), RejectedRecordsStream(self)]

    @property
    @override
    def streams(self) -> dict[str, Stream]:
        # The SDK sorts by name; a run needs parents and references first.
        streams = super().streams
        names = [*(stream.name for stream in STREAMS), RejectedRecordsStream.name]
        return {name: streams[name] for name in names}

    @property
    def api_streams(self) -> dict[str, FT42Stream]:
        """The streams that read the API, by name."""
        return {
            name: stream
            for name, stream in self.streams.items()
            if isinstance(stream, FT42Stream)
        }

    @property
    def rejected_records(self) -> RejectedRecordsStream:
        """The stream that takes what breaks its schema."""
        return cast("RejectedRecordsStream", self.streams[RejectedRecordsStream.name])

    # What all streams of a run share

    @property
    def api_url(self) -> str:
        """Base URL of the API, without a trailing slash."""
        return cast("str", self.config["api_url"]).rstrip("/")

    @cached_property
    def session(self) -> requests.Session:
        """The connection pool, which keeps the application's limits."""
        return limited_session(
            per_second=self.config["requests_per_second"],
            per_hour=self.config["requests_per_hour"],
            user_agent=self.config["user_agent"],
        )

    @cached_property
    def token(self) -> BearerToken:
        """The application's access token."""
        return BearerToken(
            api_url=self.api_url,
            client_id=self.config["client_id"],
            client_secret=self.config["client_secret"],
            user_agent=self.config["user_agent"],
        )

    @cached_property
    def scope(self) -> Scope:
        """Which part of the network the run reads."""
        return Scope(self)
