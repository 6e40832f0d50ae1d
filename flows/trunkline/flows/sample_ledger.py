"""What the sample services keep: one SQLite file each, made when it is first asked for."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path


class Ledger:
    """``schema`` is run once, before anything else; whatever is written survives a restart."""

    def __init__(self, path: Path, schema: str) -> None:
        self._path = path
        self._schema = schema
        self._is_made = False
        self._making = threading.Lock()

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """A connection whose work is committed at the end, or rolled back."""
        self._make()
        with closing(sqlite3.connect(self._path, timeout=5, isolation_level=None)) as database:
            try:
                yield database
            except BaseException:  # whatever it was, nothing half-booked stays
                if database.in_transaction:
                    database.rollback()
                raise
            if database.in_transaction:
                database.commit()

    def wipe(self) -> None:
        """As if nothing had ever been written; not while the ledger is open."""
        with self._making:
            if self._is_made:
                for ending in ("", "-wal", "-shm"):
                    self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
            self._is_made = False

    def _make(self) -> None:
        with self._making:
            if self._is_made:
                return
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._path, timeout=5)) as database:
                database.execute("PRAGMA journal_mode = WAL")
                database.executescript(self._schema)
            self._is_made = True


def now() -> str:
    """The time in UTC, as it is kept."""
    return datetime.now(UTC).isoformat(timespec="seconds")
