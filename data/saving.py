"""Save the files of this folder whole, one writer at a time; its scripts share this."""

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


def write_whole(path: Path, content: bytes) -> None:
    """Replace the file at path: whoever reads it finds the old one or the new, whole.

    The new one is written in a folder of its own beside it, whose name no other writer
    has. Of a link, the target is replaced and the link stays.
    """
    path = path.resolve()
    with TemporaryDirectory(prefix=f"{path.stem}.tmp.", dir=path.parent) as folder:
        new = Path(folder) / path.name
        new.write_bytes(content)
        os.replace(new, path)


@contextmanager
def only_writer(path: Path) -> Iterator[None]:
    """Keep other processes that ask from writing path; exit if one of them is first.

    The lock is that of an empty database: Python has it on every system, and it ends
    with its process, even a killed one. Its file stays; removed, it would lock nothing.
    """
    lock = path.resolve().with_suffix(".tmp.lock")
    with closing(sqlite3.connect(lock, timeout=0)) as database:
        try:
            database.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            sys.exit(f"{path}: another process is writing it, wait for it ({error})")
        yield
