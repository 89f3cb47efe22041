"""What names streams in files of other formats follows from the declarations."""

from __future__ import annotations

from tools.derived import files, leftovers


def test_each_file_is_current() -> None:
    written = files()
    current = {path: path.read_text(encoding="utf-8") for path in written if path.exists()}
    assert current == written, "run make docs"


def test_no_model_is_left_of_a_stream_that_is_not_declared_any_more() -> None:
    assert not list(leftovers()), "run make docs"
