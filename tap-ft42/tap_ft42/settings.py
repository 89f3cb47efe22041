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
"""Hours for which a full read of each is good enough."""

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
            "The cursus whose projects, students and enrolments are read, such as "
            "[9, 21] for piscine and main curriculum; [21] if empty."
        ),
    ),
    th.Property(
        "cursus_id",
        th.IntegerType(minimum=1),
        title="One cursus",
        description="Short for cursus_ids with one of them.",
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
        th.DateTimeType(pattern=_INSTANT),
        examples=_INSTANTS,
        title="Start date",
        description="Incremental streams read nothing that last changed before.",
    ),
    th.Property(
        "end_date",
        th.DateTimeType(pattern=_INSTANT),
        examples=_INSTANTS,
        title="End date",
        description=(
            "With start_date, the window of a backfill: the run reads only rows that "
            "last changed in it, and leaves all bookmarks where they are."
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
        description=(
            "At most so many, whatever 42 allows; 0 means no limit. What 42 says it allows if "
            "not given, 2 until it has said so."
        ),
    ),
    th.Property(
        "requests_per_hour",
        th.IntegerType(minimum=0),
        title="Requests an hour",
        description=(
            "At most so many, whatever 42 allows; 0 means no limit. What 42 says it allows if "
            "not given, 1,200 until it has said so."
        ),
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
        "refresh_hours",
        th.ObjectType(
            *(
                th.Property(
                    name,
                    th.IntegerType(minimum=0),
                    description=f"{hours} if not given.",
                )
                for name, hours in REFRESH_HOURS.items()
            ),
            additional_properties=False,
        ),
        title="Refresh",
        description=(
            "Hours for which a full read of a reference stream is good enough; "
            "0 reads it in every run. For campuses, 168 where campus_ids names them."
        ),
    ),
    th.Property(
        "max_requests",
        th.IntegerType(minimum=1),
        title="Requests a run",
        description="Ends the run well after so many; the next one goes on from there.",
    ),
    th.Property(
        "max_minutes",
        th.IntegerType(minimum=1),
        title="Minutes a run",
        description="Ends the run well after so long; the next one goes on from there.",
    ),
    th.Property(
        "partial_success",
        th.BooleanType,
        default=False,
        title="Partial success",
        description=(
            "Whether a run of which some streams failed and others did not ends with exit "
            "code 0, for jobs that go on and see to sync_runs at their end; it must be "
            "selected."
        ),
    ),
    th.Property(
        "census_hour",
        th.IntegerType(minimum=-1, maximum=23),
        default=2,
        title="Census hour",
        description=(
            "Hour of the day (UTC) from which on the day's first run finds out which "
            "rows have disappeared; -1 for never."
        ),
    ),
    th.Property(
        "census_requests",
        th.IntegerType(minimum=1),
        title="Census requests",
        description=(
            "Requests of the hour after which the census ends, however much has "
            "disappeared; a quarter of an hour's requests if not given."
        ),
    ),
    th.Property(
        "recheck_requests",
        th.IntegerType(minimum=0),
        default=8,
        title="Recheck requests",
        description=(
            "Requests of a run up to which it reads open enrolments again, where there "
            "are too many for a night to find all that were unregistered; 0 for never."
        ),
    ),
    th.Property(
        "refresh_nights",
        th.IntegerType(minimum=0),
        default=7,
        title="Refresh nights",
        description=(
            "Number of censuses in which everybody is read again, as people change "
            "without a word; 0 for never. The rows of other incremental streams take "
            "four times as many, and streams of more than 100,000 rows are only "
            "counted in so many."
        ),
    ),
    th.Property(
        "reserve_percent",
        th.IntegerType(minimum=0, maximum=90),
        default=2,
        title="Reserve",
        description="How much of the hour's requests is left to others.",
    ),
    th.Property(
        "quota_store",
        th.StringType(min_length=1),
        secret=True,  # such a URL may hold a password
        title="Quota store",
        description=(
            "Where the processes that use the application account for its requests: an "
            "SQLite file, or a redis:// or postgresql:// URL for several machines. A file "
            "in the user's folder for state if not given."
        ),
    ),
    th.Property(
        "spool",
        th.StringType(min_length=1),
        title="Spool",
        description=(
            "Folder where pages are kept until the state that comes back covers them, "
            "so that a run that was killed need not ask for them again. One in the "
            "user's folder for state if not given."
        ),
    ),
    th.Property(
        "privacy",
        th.StringType(allowed_values=["full", "pseudonymous", "none"]),
        default="full",
        title="Privacy",
        description=(
            "What leaves the tap of people: all; logins as keyed hashes and no names, "
            "addresses, pictures, seats or free texts; or nothing beyond keys."
        ),
    ),
    th.Property(
        "privacy_key",
        th.StringType,
        secret=True,
        title="Privacy key",
        description=(
            "Secret that pseudonyms are made with, of 16 characters or more; with another "
            "one, nobody is the same."
        ),
    ),
    th.Property(
        "privacy_ids",
        th.StringType(allowed_values=["kept", "keyed"]),
        default="kept",
        title="Ids of people",
        description="Whether pseudonyms replace the ids of people as well.",
    ),
    th.Property(
        "user_agent",
        th.StringType(pattern=r"^[ -~]+$"),
        examples=["ecole-42/1.0"],
        default=f"tap-ft42/{version('tap-ft42')}",
        title="User agent",
        description="Names the client; the API refuses requests without a name.",
    ),
).to_dict()
