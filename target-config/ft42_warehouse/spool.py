"""Empties the tap's spool: the folder where it keeps pages, with personal data.

The names of the tap's files are 16 hexadecimal digits and ``.sqlite``, with the suffixes of
SQLite. If a run is at work, it loses no row: the pages that it has read are on their way to
the target, and it asks again for pages that it still needs.
"""

from __future__ import annotations

import re
from pathlib import Path

_NAME = re.compile(r"[0-9a-f]{16}\.sqlite(-wal|-shm)?")


def purge(folder: Path) -> int:
    """Delete the files of the tap in a folder.

    Args:
        folder: The tap's setting ``spool``; it need not exist.

    Returns:
        The number of deleted files.

    Raises:
        OSError: A file cannot be deleted.
    """
    if not folder.is_dir():
        return 0
    files = [file for file in folder.iterdir() if _NAME.fullmatch(file.name)]
    for file in files:
        file.unlink(missing_ok=True)
    return len(files)
