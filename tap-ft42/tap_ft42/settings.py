"""The settings of the tap."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from singer_sdk import typing as th

from tap_ft42.streams import STREAMS

REFRESH_HOURS = {
    stream.listing.name: stream.listing.refresh_hours
    for stream in STREAMS
    if stream.listing.is_reference
}
"""By reference stream: hours between two full reads."""

_INSTANT = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$"

_INSTANTS = ["2026-01-31", "2026-01-31T12:00:00Z"]

SETTINGS: dict[str, Any] = th.PropertiesList(
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
        th.StringType(min_length=1),
        default="https://api.intra.42.fr",
        title="API URL",
        description="Base URL of the API.",
    ),
    th.Property(
        "cursus_ids",
        th.ArrayType(th.IntegerType(minimum=1)),
        title="Cursus",
        description=(
            "Cursus whose projects, students and enrolments are read. If empty: [21], the main "
            "one."
        ),
    ),
    th.Property(
        "cursus_id",
        th.IntegerType(minimum=1),
        title="One cursus",
        description="Short for cursus_ids with one cursus.",
    ),
    th.Property(
        "campus_ids",
        th.ArrayType(th.IntegerType(minimum=1)),
        title="Campuses",
        description=(
            "Campuses whose students are read, with their enrolments, badges and points. If "
            "empty: all."
        ),
    ),
    th.Property(
        "start_date",
        th.DateTimeType(pattern=_INSTANT),
        examples=_INSTANTS,
        title="Start date",
        description="Incremental streams skip rows that last changed before this date.",
    ),
    th.Property(
        "end_date",
        th.DateTimeType(pattern=_INSTANT),
        examples=_INSTANTS,
        title="End date",
        description=(
            "With start_date: read only rows that last changed between the two dates, and "
            "move no bookmark."
        ),
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
        title="Requests a second",
        description="Upper limit; 0 for none. If not set: what 42 allows, at first 2.",
    ),
    th.Property(
        "requests_per_hour",
        th.IntegerType(minimum=0),
        title="Requests an hour",
        description="Upper limit; 0 for none. If not set: what 42 allows, at first 1,200.",
    ),
    th.Property(
        "settle_seconds",
        th.IntegerType(minimum=0),
        default=30,
        title="Settle time",
        description="A read ends this long before now: 42 may still be writing newer rows.",
    ),
    th.Property(
        "overlap_seconds",
        th.IntegerType(minimum=0),
        default=60,
        title="Overlap",
        description="A read begins this long before its bookmark, as clocks differ.",
    ),
    th.Property(
        "refresh_hours",
        th.ObjectType(
            *(
                th.Property(
                    name,
                    th.IntegerType(minimum=0),
                    description=f"{hours} if not set.",
                )
                for name, hours in REFRESH_HOURS.items()
            ),
            additional_properties=False,
        ),
        title="Refresh",
        description=(
            "Hours until a reference stream is read in full again; 0 for every run, 24 for "
            "each night. Campuses: 168 if campus_ids is set."
        ),
    ),
    th.Property(
        "max_requests",
        th.IntegerType(minimum=1),
        title="Requests a run",
        description="The run ends after this many; the next one continues.",
    ),
    th.Property(
        "max_minutes",
        th.IntegerType(minimum=1),
        title="Minutes a run",
        description="The run ends after this long; the next one continues.",
    ),
    th.Property(
        "partial_success",
        th.BooleanType,
        default=False,
        title="Partial success",
        description=(
            "Exit with 0 if only some streams failed; for jobs that check sync_runs themselves."
        ),
    ),
    th.Property(
        "census_hour",
        th.IntegerType(minimum=-1, maximum=23),
        default=2,
        title="Census hour",
        description=(
            "The day's first run at or after this hour (UTC) finds disappeared rows;"
            " -1 for never."
        ),
    ),
    th.Property(
        "census_requests",
        th.IntegerType(minimum=1),
        title="Census requests",
        description=(
            "Requests of the hour after which the census ends. If not set: a quarter, and "
            "always an eighth of its own."
        ),
    ),
    th.Property(
        "refresh_nights",
        th.IntegerType(minimum=0),
        default=7,
        title="Refresh nights",
        description=(
            "Nights until all people have been read again, as some columns change without "
            "updated_at; 0 for never. Other rows take four times as many nights. Streams of "
            "more than 100,000 rows are only counted."
        ),
    ),
    th.Property(
        "reserve_percent",
        th.IntegerType(minimum=0, maximum=90),
        default=2,
        title="Reserve",
        description="Share of the hour's requests that is left to other programs.",
    ),
    th.Property(
        "quota_store",
        th.StringType(min_length=1),
        secret=True,  # such a URL may hold a password
        title="Quota store",
        description=(
            "Account of requests, shared by all processes: an SQLite file, or a redis:// or "
            "postgresql:// URL for several machines. If not set: a file in the user's state "
            "folder."
        ),
    ),
    th.Property(
        "spool",
        th.StringType(min_length=1),
        title="Spool",
        description=(
            "Folder for pages that no state covers yet; a run after a kill uses them. If not "
            "set: one in the user's state folder."
        ),
    ),
    th.Property(
        "privacy",
        th.StringType(allowed_values=["full", "pseudonymous", "none"]),
        default="full",
        title="Privacy",
        description=(
            "Which personal data leaves the tap. full: all. pseudonymous: logins as keyed "
            "hashes; no names, addresses, pictures, seats or free texts. none: keys only."
        ),
    ),
    th.Property(
        "privacy_key",
        th.StringType,
        secret=True,
        title="Privacy key",
        description=(
            "Secret for pseudonyms, 16 characters or more. With another key, all pseudonyms"
            " change."
        ),
    ),
    th.Property(
        "privacy_ids",
        th.StringType(allowed_values=["kept", "keyed"]),
        default="kept",
        title="Ids of people",
        description="Whether people's ids are replaced by pseudonyms, too.",
    ),
    th.Property(
        "user_agent",
        th.StringType(pattern=r"^[ -~]+$"),
        examples=["ecole-42/1.0"],
        default=f"tap-ft42/{version('tap-ft42')}",
        title="User agent",
        description="Name of the client; the API refuses requests without one.",
    ),
).to_dict()
