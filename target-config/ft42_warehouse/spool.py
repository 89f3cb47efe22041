"""The folder where the tap keeps pages until a state covers them, which hold persons, too.

Of the tap this knows the names of its files: 16 hexadecimal digits and ``.sqlite``, with
what SQLite appends. A run that is at work loses no row by their removal: pages that it has
read are on their way, and what it needs again it asks for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_NAME = re.compile(r"[0-9a-f]{16}\.sqlite(-wal|-shm)?")


def purge(folder: Path) -> int:
    """Delete the files of the tap in a folder.

    Args:
        folder: The tap's setting ``spool``; it need not exist.

    Returns:
        How many there were.

    Raises:
        OSError: One cannot be deleted.
    """
    if not folder.is_dir():
        return 0
    files = [file for file in folder.iterdir() if _NAME.fullmatch(file.name)]
    for file in files:
        file.unlink(missing_ok=True)
    return len(files)
