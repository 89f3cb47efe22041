"""How a record of the API becomes a row: the rules, one by one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tap_ft42.lists.rejections import Rejections
from tap_ft42.singer.rows import Rows

from tests.tap.scripted import paged

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Run, Tap
    from tests.tap.scripted import ScriptedApi

Row = dict[str, Any]

MISSING = "(the record has no such key)"
STREAM_OF = {"campus": "campuses"}
PATH_OF = {
    "projects": "/v2/cursus/21/projects",
    "users": "/v2/cursus/21/users",
    "cursus_users": "/v2/cursus/21/cursus_users",
}


@pytest.fixture(scope="module")
def sample(quiet_sandbox: RunningSandbox) -> dict[str, Row]:
    """One record of each table in the API's form, none of whose parents is null."""
    return {
        table: next(row for row in quiet_sandbox.truth(table) if whole(row))
        for table in (
            "users", "projects", "projects_users", "campus", "achievements", "blocs",
            "cursus_users", "cursus",
        )
    }  # fmt: skip


def whole(row: Row) -> bool:
    parents = ("parent", "title", "endpoint", "language", "image")
    return all(row[name] is not None for name in parents if name in row)


def rows_for(tap: Tap, api: ScriptedApi, table: str, *records: object) -> list[Row]:
    return run_for(tap, api, table, *records).records(STREAM_OF.get(table, table))


def run_for(tap: Tap, api: ScriptedApi, table: str, *records: object) -> Run:
    api.script[PATH_OF.get(table, f"/v2/{table}")] = paged(records)
    return tap.pointed_at(api).run(STREAM_OF.get(table, table), "rejected_records")


def test_a_record_in_a_former_format_becomes_a_row_like_the_others(
    tap: Tap, api: ScriptedApi, sample: dict[str, Row]
) -> None:
    # A few records in JSON:API stood among the others of a page, seen in December 2022.
    record = sample["users"]
    beside = {"image": record["image"]}
    attributes = {
        key.replace("_", "-"): value
        for key, value in record.items()
        if key not in {"id", *beside}
    }
    other = {"id": str(record["id"] + 1), "type": "users", "attributes": attributes} | beside
    run = run_for(tap, api, "users", record, other)
    usual, flat = run.records("users")
    assert flat == usual | {"id": record["id"] + 1}
    assert not run.records("rejected_records")


class TestNames:
    """Keys become columns that SQL can name, and nested parents become their ids."""

    def test_a_question_mark_is_left_off(
        self, tap: Tap, api: ScriptedApi, sample: dict[str, Row]
    ) -> None:
        record = sample["users"] | {"staff?": True, "alumni?": False, "active?": None}
        (row,) = rows_for(tap, api, "users", record)
        assert (row["staff"], row["alumni"], row["active"]) == (True, False, None)
        assert not [name for name in row if "?" in name]

    def test_a_picture_becomes_five_columns(
        self, tap: Tap, api: ScriptedApi, sample: dict[str, Row]
    ) -> None:
        sizes = ("large", "medium", "small", "micro")
        picture = {"link": "l", "versions": {size: f"/{size}" for size in sizes}}
        nothing = {"link": None, "versions": dict.fromkeys(sizes)}
        with_one, without, null = rows_for(
            tap,
            api,
            "users",
            sample["users"] | {"id": 1, "image": picture},
            sample["users"] | {"id": 2, "image": nothing},
            sample["users"] | {"id": 3, "image": None},
        )
        columns = ("link", *sizes)
        assert [with_one[f"image_{column}"] for column in columns] == [
            "l", "/large", "/medium", "/small", "/micro",
        ]  # fmt: skip
        assert [without[f"image_{column}"] for column in columns] == [None] * 5
        assert [null[f"image_{column}"] for column in columns] == [None] * 5
        assert "image" not in with_one

    def test_a_language_becomes_three_columns(
        self, tap: Tap, api: ScriptedApi, sample: dict[str, Row]
    ) -> None:
        language = {"id": 7, "name": "Magyar", "identifier": "hu"}
        some, none = rows_for(
            tap,
            api,
            "campus",
            sample["campus"] | {"id": 1, "language": language},
            sample["campus"] | {"id": 2, "language": None},
        )
        columns = ("language_id", "language_name", "language_identifier")
        assert [some[column] for column in columns] == [7, "Magyar", "hu"]
        assert [none[column] for column in columns] == [None] * 3

    @pytest.mark.parametrize("table", ["projects", "achievements"])
    def test_a_parent_becomes_its_id(
        self, tap: Tap, api: ScriptedApi, sample: dict[str, Row], table: str
    ) -> None:
        record = sample[table]
        with_one, without = rows_for(
            tap,
            api,
            table,
            record | {"id": 1, "parent": {**record["parent"], "id": 4}},
            record | {"id": 2, "parent": None},
        )
        assert (with_one["parent_id"], without["parent_id"]) == (4, None)
        assert "parent" not in with_one

    def test_an_enrolment_names_its_user_its_project_its_campus_and_its_cursus(
        self, tap: Tap, api: ScriptedApi, sample: dict[str, Row]
    ) -> None:
        record = sample["projects_users"] | {"cursus_ids": [21, 9]}
        campus = sample["campus"] | {"id": 29}
        api.script["/v2/campus"] = paged([campus])
        api.script["/v2/projects_users"] = lambda asked: paged(
            [] if asked.query.get("filter[campus]") == "0" else [record]
        )(asked)
        run = tap.pointed_at(api).run("projects_users", "rejected_records")
        (row,) = run.records("projects_users")
        assert row["user_id"] == record["user"]["id"]
        assert row["project_id"] == record["project"]["id"]
        assert row["campus_id"] == 29
        assert (row["cursus_id"], row["cursus_ids"]) == (21, [21, 9])
        assert not {"user", "project"} & set(row)

    def test_an_embedded_person_is_only_an_id(
        self, tap: Tap, api: ScriptedApi, sample: dict[str, Row]
    ) -> None:
        record = sample["cursus_users"] | {"cursus_id": 21}
        (row,) = rows_for(tap, api, "cursus_users", record)
        assert row["user_id"] == record["user"]["id"]
        assert record["user"]["login"] not in json.dumps(row)
        assert row.get("extra") is None


class TestLists:
    """A list of objects stays as it is."""

    @pytest.mark.parametrize(
        ("table", "column"),
        [("projects", "project_sessions"), ("blocs", "coalitions"), ("cursus_users", "skills")],
    )
    def test_a_list_of_objects_is_kept_to_the_last_key(
        self, tap: Tap, api: ScriptedApi, sample: dict[str, Row], table: str, column: str
    ) -> None:
        objects = [{"id": 1, "locked?": False, "deep": {"er": [None, "", 0, 1.5]}}, {}, None]
        some, none, null = rows_for(
            tap,
            api,
            table,
            sample[table] | {"id": 1, column: objects},
            sample[table] | {"id": 2, column: []},
            sample[table] | {"id": 3, column: None},
        )
        assert (some[column], none[column], null[column]) == (objects, [], None)


class TestNothing:
    """0, null, "" and a missing key are four things."""

    @settings(
        max_examples=15,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),  # a run of the tap for each example
    )
    @given(
        drawn=st.lists(
            st.fixed_dictionaries(
                {
                    "difficulty": st.sampled_from([0, None, 1, -42, MISSING]),
                    "recommendation": st.sampled_from(["", None, "0", " ", MISSING]),
                    "repository": st.sampled_from(["", None, "0"]),
                    "git_id": st.sampled_from([0, None, 1]),
                    "exam": st.sampled_from([False, None, True]),
                }
            ),
            min_size=10,
            max_size=30,
        )
    )
    def test_each_stays_what_it_is(
        self,
        tap: Tap,
        api: ScriptedApi,
        sample: dict[str, Row],
        drawn: list[Row],
    ) -> None:
        records = [
            {
                name: value
                for name, value in (sample["projects"] | {"id": n} | values).items()
                if value != MISSING
            }
            for n, values in enumerate(drawn, 1)
        ]
        rows = {row["id"]: row for row in rows_for(tap, api, "projects", *records)}
        assert len(rows) == len(drawn)
        for number, values in enumerate(drawn, 1):
            got = {name: rows[number].get(name, MISSING) for name in values}
            assert {name: (type(value), value) for name, value in got.items()} == {
                name: (type(value), value) for name, value in values.items()
            }

    def test_a_column_of_a_missing_parent_is_missing_and_of_a_null_one_null(
        self, tap: Tap, api: ScriptedApi, sample: dict[str, Row]
    ) -> None:
        campus = sample["campus"]
        without = {name: value for name, value in campus.items() if name != "endpoint"}
        run = run_for(
            tap, api, "campus", campus | {"id": 1, "endpoint": None}, without | {"id": 2}
        )
        (row,) = run.records("campuses")
        assert row["endpoint_id"] is None
        (rejected,) = run.records("rejected_records")
        assert "endpoint_id" in rejected["reason"]


class TestWords:
    """What 42 renames is taken as it comes."""

    @pytest.mark.few(1)
    @pytest.mark.parametrize(
        ("table", "column"),
        [("users", "pool_month"), ("cursus_users", "grade"), ("cursus", "kind")],
    )
    def test_a_word_nobody_has_heard_of_is_a_word(
        self, tap: Tap, api: ScriptedApi, sample: dict[str, Row], table: str, column: str
    ) -> None:
        (row,) = rows_for(tap, api, table, sample[table] | {column: "Grand Cadet ✨"})
        assert row[column] == "Grand Cadet ✨"

    def test_a_whole_number_with_a_point_is_a_whole_number(
        self, tap: Tap, api: ScriptedApi, sample: dict[str, Row]
    ) -> None:
        (row,) = rows_for(tap, api, "users", sample["users"] | {"wallet": 5.0})
        assert repr(row["wallet"]) == "5"

    def test_numbers_of_any_size_and_sign_are_kept(
        self, tap: Tap, api: ScriptedApi, sample: dict[str, Row]
    ) -> None:
        numbers = [-19_100, 827_942_872, 0, 2**53 + 1]
        rows = rows_for(
            tap,
            api,
            "users",
            *[sample["users"] | {"id": i, "wallet": n} for i, n in enumerate(numbers, 1)],
        )
        assert sorted(row["wallet"] for row in rows) == sorted(numbers)

    @pytest.mark.few(1)
    @pytest.mark.parametrize("level", [0.0, 12.66, 4.300000000000001, 7])
    def test_levels_keep_their_decimals(
        self, tap: Tap, api: ScriptedApi, sample: dict[str, Row], level: float
    ) -> None:
        (row,) = rows_for(tap, api, "cursus_users", sample["cursus_users"] | {"level": level})
        assert row["level"] == level

    @pytest.mark.few(1)
    @pytest.mark.parametrize("text", ["a\0b", "\ud800", "ok \udfff"])
    def test_a_character_no_database_takes_is_replaced(
        self, tap: Tap, api: ScriptedApi, sample: dict[str, Row], text: str
    ) -> None:
        objects = [{"objectives": [text]}]
        record = sample["projects"] | {"name": text, "project_sessions": objects}
        (row,) = rows_for(tap, api, "projects", record)
        for kept in (row["name"], row["project_sessions"][0]["objectives"][0]):
            assert kept == text.translate(
                dict.fromkeys((0, 0xD800, 0xDFFF), "\N{REPLACEMENT CHARACTER}")
            )

    def test_letters_of_every_script_are_kept(
        self, tap: Tap, api: ScriptedApi, sample: dict[str, Row]
    ) -> None:
        name = "Zoë \u202e Ştefan 王 🦊 'quoted\" \\ back\nslash"
        (row,) = rows_for(tap, api, "users", sample["users"] | {"last_name": name})
        assert row["last_name"] == name


class TestExtra:
    """An undeclared field lands in the column `extra`, and is reported once."""

    def test_it_is_kept_as_the_api_sent_it(
        self, tap: Tap, api: ScriptedApi, sample: dict[str, Row]
    ) -> None:
        surprise = {"since?": "today", "of": [1, None]}
        new, old = rows_for(
            tap,
            api,
            "users",
            sample["users"] | {"id": 1, "mood?": surprise, "rank": 0},
            sample["users"] | {"id": 2},
        )
        assert new["extra"] == {"mood?": surprise, "rank": 0}
        assert old.get("extra") is None

    def test_one_inside_a_known_object_keeps_its_place(
        self, tap: Tap, api: ScriptedApi, sample: dict[str, Row]
    ) -> None:
        image = sample["users"]["image"]
        record = sample["users"] | {"image": {**image, "blurhash": "LEHV6n"}}
        (row,) = rows_for(tap, api, "users", record)
        assert row["extra"] == {"image": {"blurhash": "LEHV6n"}}
        assert row["image_link"] == image["link"]

    def test_a_word_in_the_place_of_a_declared_object_is_told_as_one(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        columns: Row = {
            "id": {"type": "integer"},
            "corrector_id": {"type": ["integer", "null"], "x-source": "corrector/id"},
            "extra": {"type": ["object", "null"]},
        }
        schema = {"type": "object", "properties": columns, "required": ["id"]}
        rows = Rows("scale_teams", schema, Rejections(is_kept=False))
        row = rows.row({"id": 1, "corrector": "invisible"}, {})
        assert row == {"id": 1, "extra": {"corrector": "invisible"}}
        rows.report(may_name=True)
        assert caplog.messages == [
            "scale_teams: the API sends a word in place of an object or list: corrector."
        ]

    def test_the_run_tells_of_it_once_however_many_rows_and_pages_have_it(
        self, tap: Tap, sandbox: RunningSandbox
    ) -> None:
        for row in range(5):
            sandbox.fault("extra_field", route="/v2/cursus", column="colour", row=row)
        run = tap.pointed_at(sandbox, page_size=20).run("cursus")
        assert sum("extra" in row for row in run.records("cursus")) >= 4
        (line,) = [line for line in run.warnings if "colour" in line]
        assert "cursus" in line
        assert "extra" in line
        assert len(run.records("cursus")) == len(sandbox.truth("cursus"))

    def test_its_values_are_not_in_the_log(
        self, tap: Tap, api: ScriptedApi, sample: dict[str, Row]
    ) -> None:
        run = run_for(tap, api, "users", sample["users"] | {"nickname": "Foxy Knoxy"})
        assert "nickname" in run.log
        assert "Foxy" not in run.log
