"""A migrated SQLite file for the tests that need a database; peers run those on PostgreSQL too."""

from __future__ import annotations

from tests.unit.storage.conftest import database_url, migrated_file, sessions

__all__ = ["database_url", "migrated_file", "sessions"]
