"""All placeholders in braces, and all values, of the statements of ``sql/``.

``warehouse sql --placeholders`` prints this table, and a test compares it with the files.
`statements` fills the placeholders that follow from the schemas or a table; the code that runs
a statement fills the others.
"""

from __future__ import annotations

from typing import LiteralString

ROOMS = {
    "alerts": "The problems that `warehouse alert` has posted.",
    "check": "The promises that `warehouse check` verifies, one in each file.",
    "erase": "Finding and erasing the data of a person: `publish`, `forget`, `person`.",
    "health": "The causes of findings, one in each file: `status`, `report`, `alert`.",
    "init": "The functions, triggers and views that `warehouse init` makes.",
    "overview": "The figures of `warehouse status` and of the report.",
    "parts": "Subqueries that several statements share.",
    "publish": "Updating the published tables from landed rows: `publish`.",
    "remember": "The warehouse's own tables.",
    "report": "The tables and charts of `warehouse report`.",
    "retention": "Old rows that `warehouse publish` deletes.",
    "roles": "Owners and rights.",
    "session": "How commands wait for each other.",
    "shards": "Landing schemas of loads that run side by side.",
    "turns": "When each job began and ended.",
    "upgrade": "Upgrading the landed tables of older versions.",
}
"""What each folder of ``sql/`` is for."""

OF_THE_PIPELINE: dict[LiteralString, str] = {
    "landing": "The schema with the landed rows.",
    "published": "The schema that people query.",
    "warehouse": "The schema of the warehouse's own tables.",
}
"""Placeholders that follow from the names of the schemas."""

OF_A_TABLE: dict[LiteralString, str] = {
    "assignments": "Assignments of the landed value to every column.",
    "chosen": "For each candidate, the landed copy that is published.",
    "columns": "The columns that are written or read.",
    "copy_key": "The key of the landed rows `l`.",
    "counted": "What to count, so that copies of a row count once.",
    "each_landed": "The landed tables of all loads.",
    "eligible": "The landed row `l` is published: its parents are, and it is in the scope.",
    "is_copy": "The landed row `l` is the copy that was chosen in `c`.",
    "key": "The columns of the published key.",
    "key_array": "The key of the published row, of the landed row `l`, as an array.",
    "key_given": "No column of the key of `p` is null.",
    "landed": "The landed table.",
    "landed_in": "The transaction that wrote the last copy of a row.",
    "landed_values": "The values of the landed row `l` that are published.",
    "published_values": "The same columns of the published row `p`.",
    "row": "The key of the published row, of the landed row `l`.",
    "rows": "The landed rows `l`, each once.",
    "same_cursus": "The landed row `l` belongs to the cursus that the census `c` counted.",
    "same_list": "The landed row `l` belongs to the list that the census `c` counted.",
    "same_row": "The published row `p` and the landed row `l` have the same key.",
    "table": "The published table; for a trigger and an upgrade, the landed one.",
    "table_name": "The name of the table, as a text.",
}
"""Placeholders that follow from a published table."""

OF_A_COLUMN: dict[LiteralString, str] = {
    "column": "The column.",
    "column_name": "Its name, as a text.",
    "is_published_copy": "The landed row `l` is the copy whose value is published.",
    "latest": "The latest instant that the column can hold.",
    "parent": "The table to which the column refers; in publish/, its name as a text.",
    "parent_name": "The name of that table, as a text.",
}
"""Placeholders of statements that are run once for each column."""

OF_A_PART: dict[LiteralString, str] = {
    "is_looked_at": "The row `r` may have changed since the last publish.",
    "item_values": "The values of the list's item, in the order of `columns`.",
    "new_values": "The columns of the row that is written.",
    "old_values": "The columns of the published row `p`.",
    "part": "The published table with a row for each item of the list.",
    "part_name": "Its name, as a text.",
    "part_of": "The column of `part` with the id of the row that holds the list.",
    "said_key": "The key of `part`, from the list's item `s`.",
    "said_values": "The columns of `part`, from the list's item `s`.",
    "source": "The column that holds the list.",
}
"""Placeholders of statements that are run for each table of a list's items."""

OF_A_STATEMENT: dict[LiteralString, str] = {
    "anybody": "All values in a record of any stream that can be a person's id.",
    "anywhere": "The table that is searched: the landed one, then the published one.",
    "before": "The instant; older rows are deleted.",
    "constraint": "The name of the old primary key.",
    "default_cursus": "The cursus that older versions read.",
    "excused": "How many rows may be missing, as persons were erased.",
    "freshness": "The subquery parts/freshness.",
    "function": "The name of the function.",
    "ids": "Names and values of the columns that hold ids.",
    "is_person": "Whether the table has a row for each person.",
    "keep_strangers": "The option --keep-strangers.",
    "known": "SQL that tells the cursus of a row, the most certain first: upgrade/cursus_of_….",
    "landed_rows": "The numbers of landed rows, about: parts/landed_rows.",
    "landing_names": "The names of the schemas that loaders write.",
    "last_census": "The subquery check/last_census.",
    "last_hour": "The subquery parts/last_hour.",
    "last_runs": "The subquery parts/last_runs.",
    "looked_at": "The temporary table with the rows to look at: `candidate`, `arrived` or "
    "`departed`.",
    "member_kept": "The fields of a team's member that are kept.",
    "member_left": "The fields of a team's member that are removed.",
    "mentioned": "The ids of the persons whom the row names, except its own.",
    "missing": "parts/missing for each foreign key of the table.",
    "names": "The landed row `l` names the person `e`.",
    "naming": "parts/naming for each list or column that can name persons.",
    "named": "The landed row `l` still names a person.",
    "newest_first": "The order in which the first copy is the one that is published.",
    "nothing": "The columns that name a person, set to null.",
    "noting": "Also sets last_changed_at, if the table has it.",
    "orphans": "init/orphans_of for each table that refers to others.",
    "person": "The column that says whose row it is.",
    "published_name": "The name of the published schema, as a text.",
    "reduce": "Assignments that empty a row NEW, except its key, its age and its scope; in "
    "init/refuse_others, assignments that reduce lists of people to ids.",
    "reduced": "The value of the column that is kept when it lands.",
    "row_id": "The key of the landed row `l`, as one text.",
    "same": "The landed row `l` is one that `looked_at` names.",
    "schema_names": "The names of all schemas.",
    "scope": "The person `l` is in the scope.",
    "shape": "The fields of a team that are kept, as JSON.",
    "since": "The first transaction whose rows are looked at.",
    "team_kept": "The fields of a team that are kept.",
    "team_left": "The fields of a team that are removed.",
    "trigger": "The name of the trigger.",
    "turn": "The table whose lock is the turn: `publishes` or `alerts`.",
    "valid_until": "The subquery parts/valid_until.",
    "values": "The columns of a row `l` that name its person, as pairs of kind and string.",
    "waiting": "The subquery parts/waiting.",
    "waiting_rows": "parts/waiting_rows for each table that refers to others.",
    "without": "Assignments that remove persons from a row.",
    "where": "In check/, the name of the table that is searched; else which rows are read.",
}
"""Placeholders of single statements; the command that runs them fills these."""

VALUES = {
    "broken": "The broken promises, a sentence each.",
    "census_age": "How old a census may be.",
    "changed": "How many rows changed, by table.",
    "column": "The column.",
    "deleted": "How many rows were deleted, by table.",
    "digest": "The digest of the person's login.",
    "early_runs": "How many runs that end early are too many.",
    "inserted": "How many rows are new, by table.",
    "job": "The job.",
    "jobs": "How often each job begins.",
    "key": "The cause, such as stale:users.",
    "keys": "The causes that are over.",
    "landed": "The names of the landed tables.",
    "landing": "The name of the landing schema.",
    "landings": "The names of the schemas that loaders write.",
    "loader": "The loader's role.",
    "login": "The login.",
    "may_set": "The server's name for the right to act as a role: SET or MEMBER.",
    "name": "The name of the session.",
    "names": "The names of the roles.",
    "of_rows": "How many rows the table had.",
    "orphan_percent": "The share of orphans that is too large.",
    "parts": "Patterns of LIKE for values that contain a login.",
    "persons": "The ids of the persons.",
    "published": "The name of the published schema.",
    "publisher": "The publisher's role.",
    "quota_percent": "The share of the hour's requests that is too large.",
    "read": "The names of the tables and views that readers may read.",
    "reader": "The readers' role.",
    "recent": "The age that the publish of the turn which has just ended may have.",
    "relations": "The names of the pipeline's tables and views.",
    "schema": "The name of the schema.",
    "schemas": "The names of all schemas.",
    "secret_notice": "How long before its end the secret must be renewed.",
    "severity": "`warning` or `broken`.",
    "silent_days": "For how many days a table may stay unchanged.",
    "since": "The first transaction whose rows are looked at.",
    "streams": "The names of the streams that the job loads.",
    "strings": "The strings that name the persons.",
    "structure": "The digest of the structure of the published tables.",
    "table": "The table.",
    "table_name": "The name of the table.",
    "tables": "The tables, with their job and the age that is allowed.",
    "text": "What was wrong.",
    "unpublished": "How long runs may stay unpublished.",
    "warehouse": "The name of the schema of the warehouse's own tables.",
    "whole": "The name of the schema that shows all shards.",
    "would_delete": "How many rows the publish would have deleted.",
}
"""Values of statements, ``%(name)s``: ``warehouse sql`` prints them as ``:name``, which
psql calls a variable, unless they follow from the schemas."""

PLACEHOLDERS = OF_THE_PIPELINE | OF_A_TABLE | OF_A_COLUMN | OF_A_PART | OF_A_STATEMENT
