"""What names streams in files of other formats follows from the declarations."""

from __future__ import annotations

from tools.derived import DBT, declared, files, leftovers


def test_each_file_is_current() -> None:
    written = files()
    current = {path: path.read_text(encoding="utf-8") for path in written if path.exists()}
    assert current == written, "run make docs"


def test_no_model_is_left_of_a_stream_that_is_not_declared_any_more() -> None:
    assert not list(leftovers()), "run make docs"


def test_only_models_of_streams_that_are_off_can_be_off() -> None:
    switched = {
        path.stem.removeprefix("stg_ft42__")
        for path in (DBT / "models").glob("*/*.sql")
        if "enabled=" in path.read_text(encoding="utf-8")
    }
    assert switched == {
        one.name for one in declared() if not one.listing.is_selected and not one.is_derived
    }
