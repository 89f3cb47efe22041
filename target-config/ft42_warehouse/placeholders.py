"""What stands in braces, and what is given as a value, in the statements of ``sql/``.

The only table of them: ``warehouse sql --placeholders`` prints it, and a test holds it to
the files. `statements` fills what follows from the schemas or a table; whoever runs a
statement fills the rest.
"""

from __future__ import annotations

from typing import LiteralString

ROOMS = {
    "alerts": "What `warehouse alert` has told.",
    "check": "The promises that `warehouse check` verifies, a file each.",
    "erase": "How the data of a person are found and erased: `publish`, `forget`, `person`.",
    "health": "What can be wrong, a file a cause: `status`, `report`, `alert`.",
    "init": "What `warehouse init` makes: functions, triggers, views.",
    "overview": "The figures of `warehouse status` and of the report.",
    "parts": "Subqueries that several statements share.",
    "publish": "How `warehouse publish` brings the tables to what has landed.",
    "remember": "The tables of the schema that remembers.",
    "report": "The tables and charts of `warehouse report`.",
    "retention": "What `warehouse publish` deletes once it is old enough.",
    "roles": "Who owns what, and who may do what.",
    "session": "How commands wait for each other.",
    "shards": "Landing schemas of loads that run side by side.",
    "turns": "When each job began and ended.",
    "upgrade": "From the landed tables of older versions to those of today.",
}
"""What each folder of ``sql/`` is for."""

OF_THE_PIPELINE: dict[LiteralString, str] = {
    "landing": "The schema that holds what has landed.",
    "published": "The schema that people query.",
    "warehouse": "The schema that remembers.",
}
"""Placeholders that follow from the names of the schemas."""

OF_A_TABLE: dict[LiteralString, str] = {
    "assignments": "Every column set to the value that has landed.",
    "chosen": "For each candidate, the landed copy that is published.",
    "columns": "The columns that are written or read.",
    "copy_key": "The key of the landed rows `l`.",
    "counted": "What to count, so that copies of a row count once.",
    "each_landed": "The landed table, of each load.",
    "eligible": "The landed row `l` is published: its parents are, and it is in the scope.",
    "is_copy": "The landed row `l` is the copy that was chosen in `c`.",
    "key": "The columns of the published key.",
    "key_array": "The key of the published row, of the landed row `l`, as an array.",
    "key_given": "No column of the key of `p` is null.",
    "landed": "The landed table.",
    "landed_in": "The transaction that wrote the last copy of a row.",
    "landed_values": "What is published of the landed row `l`.",
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
    "parent": "The table that the column points to; in publish/, its name as a text.",
    "parent_name": "The name of that table, as a text.",
}
"""Placeholders of statements that are run once for each column."""

OF_A_PART: dict[LiteralString, str] = {
    "is_looked_at": "The row `r` may have changed since the last publish.",
    "item_values": "What becomes of the item of the list, in the order of `columns`.",
    "new_values": "The columns of the row that is written.",
    "old_values": "The columns of the published row `p`.",
    "part": "The published table with a row for each item of the list.",
    "part_name": "Its name, as a text.",
    "part_of": "The column of `part` with the id of the row that holds the list.",
    "said_key": "The key of `part`, of what the list says, `s`.",
    "said_values": "The columns of `part`, of what the list says, `s`.",
    "source": "The column that holds the list.",
}
"""Placeholders of statements that are run for each table of a list's items."""

OF_A_STATEMENT: dict[LiteralString, str] = {
    "anybody": "All that can be the id of a person, in the record of any stream.",
    "anywhere": "The table that is searched: the landed one, then the published one.",
    "before": "What is older is deleted.",
    "constraint": "The name of the old primary key.",
    "default_cursus": "The cursus that older versions read.",
    "excused": "How many rows may be missing, as persons were erased.",
    "freshness": "The subquery parts/freshness.",
    "function": "The name of the function.",
    "ids": "Names and values of the columns that hold ids.",
    "is_person": "Whether the table has a row for each person.",
    "keep_strangers": "The option --keep-strangers.",
    "known": "What tells the cursus of a row, the surest first: upgrade/cursus_of_….",
    "landed_rows": "The rows of all landed tables, about: parts/landed_rows.",
    "landing_names": "The names of the schemas that loaders write.",
    "last_census": "The subquery check/last_census.",
    "last_hour": "The subquery parts/last_hour.",
    "last_runs": "The subquery parts/last_runs.",
    "looked_at": "The temporary table that says where to look: `candidate`, `arrived` or "
    "`departed`.",
    "member_kept": "The fields of a member of a team that are kept.",
    "member_left": "Those that are not.",
    "mentioned": "The ids of the persons whom the row names besides the one whose it is.",
    "missing": "parts/missing for each foreign key of the table.",
    "names": "The landed row `l` names the person `e`.",
    "naming": "parts/naming for each list or column that can name persons.",
    "named": "The landed row `l` still names a person.",
    "newest_first": "The order in which the first copy is the one that is published.",
    "nothing": "The columns that name a person, set to null.",
    "noting": "Also sets last_changed_at, where the table has it.",
    "orphans": "init/orphans_of for each table that points to others.",
    "person": "The column that says whose row it is.",
    "published_name": "The name of the published schema, as a text.",
    "reduce": "Assignments that empty a row NEW, but for its key, its age and the scope; in "
    "init/refuse_others, its lists of people but for their ids.",
    "reduced": "What is kept of the column as it lands.",
    "row_id": "The key of the landed row `l`, as one text.",
    "same": "The landed row `l` is one that `looked_at` names.",
    "schema_names": "The names of all schemas.",
    "scope": "The person `l` is in the scope.",
    "shape": "What is kept of a team, as JSON.",
    "since": "The first transaction whose rows are looked at.",
    "team_kept": "The fields of a team that are kept.",
    "team_left": "Those that are not.",
    "trigger": "The name of the trigger.",
    "turn": "The table whose lock is the turn: `publishes` or `alerts`.",
    "valid_until": "The subquery parts/valid_until.",
    "values": "What a row `l` calls its person, as pairs of kind and string.",
    "waiting": "The subquery parts/waiting.",
    "waiting_rows": "parts/waiting_rows for each table that points to others.",
    "without": "Assignments that take persons out of a row.",
    "where": "In check/, the name of the table that is searched; else which rows are read.",
}
"""Placeholders that the command fills, of one kind of statement."""

VALUES = {
    "broken": "What a check found, a sentence each.",
    "census_age": "How old a census may be.",
    "changed": "How many rows changed, by table.",
    "column": "The column.",
    "deleted": "How many rows were deleted, by table.",
    "digest": "The digest of what the person is called.",
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
    "may_set": "What the server calls the right to act as a role: SET or MEMBER.",
    "name": "The name of the session.",
    "names": "The names of the roles.",
    "of_rows": "How many rows the table had.",
    "orphan_percent": "The share of orphans that is too much.",
    "parts": "Patterns of LIKE that a login stands in.",
    "persons": "The ids of the persons.",
    "published": "The name of the published schema.",
    "publisher": "The publisher's role.",
    "quota_percent": "The share of the hour's requests that is too much.",
    "read": "The names of what readers may read.",
    "reader": "The readers' role.",
    "recent": "How old the publish of the turn that has just ended may be.",
    "relations": "The names of the pipeline's tables and views.",
    "schema": "The name of the schema.",
    "schemas": "The names of all schemas.",
    "secret_notice": "How long before its end the secret must be renewed.",
    "severity": "`warning` or `broken`.",
    "silent_days": "For how many days a table may be silent.",
    "since": "The first transaction whose rows are looked at.",
    "streams": "The names of the streams that the job loads.",
    "strings": "What the persons are called.",
    "structure": "The digest of what the published tables look like.",
    "table": "The table.",
    "table_name": "The name of the table.",
    "tables": "The tables, with their job and the age that is allowed.",
    "text": "What was so.",
    "unpublished": "How long runs may stay unpublished.",
    "warehouse": "The name of the schema that remembers.",
    "whole": "The name of the schema that shows all shards.",
    "would_delete": "How many rows the publish would have deleted.",
}
"""Values of statements, ``%(name)s``: ``warehouse sql`` prints them as ``:name``, which
psql calls a variable, unless they follow from the schemas."""

PLACEHOLDERS = OF_THE_PIPELINE | OF_A_TABLE | OF_A_COLUMN | OF_A_PART | OF_A_STATEMENT
