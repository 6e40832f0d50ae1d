"""Processes that start at once and all bring the database up to date."""

from __future__ import annotations

import asyncio
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from trunkline.storage.migrate import upgrade_to_head


def migrate(url: str) -> str:
    """Empty when all went well."""
    try:
        asyncio.run(upgrade_to_head(url))
    except Exception as exc:  # every error is a finding of this test, whatever it is
        return f"{type(exc).__name__}: {exc}"
    return ""


def migrate_from_processes(url: str, count: int) -> list[str]:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=spawn) as pool:
        return list(pool.map(migrate, [url] * count))
