"""The worker process: Celery's worker and beat, and the health app beside them.

Threads, not processes: tasks wait for I/O. Beat is a thread too; as the process Celery would fork,
it would outlive a killed worker and go on scheduling.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from celery.beat import EmbeddedService
from redis.asyncio import Redis
from redis.exceptions import RedisError

from trunkline.flows.tool_python import import_tool_modules
from trunkline.jobs.app import app
from trunkline.jobs.beat import SteadyScheduler
from trunkline.jobs.broker import broker_url
from trunkline.jobs.tasks import pulse
from trunkline.runtime.health import HealthApp, serve_health
from trunkline.runtime.logging import get_logger
from trunkline.runtime.settings import Settings
from trunkline.storage.migrate import pending_revisions

log = get_logger(__name__)

# Threads that wait: more of them than background tools may keep (tool_runs.AT_ONCE) at once.
_CONCURRENCY: Final = 16
_SILENT_FOR_S: Final = 30
_JOIN_S: Final = 5
_LONGEST_NAP_S: Final = 5  # of the beat: it looks at the clock again, which may have jumped


def serve(settings: Settings) -> int:
    """Until SIGTERM, which lets running tasks end. Belongs to the main thread: Celery's signals."""
    import_tool_modules(settings.tool_modules)
    app.conf.broker_url = broker_url(settings.resolved_redis_url)
    state_dir = settings.data_dir / "worker"
    state_dir.mkdir(parents=True, exist_ok=True)
    with _health(settings), _beat(state_dir):
        worker = app.Worker(
            pool="threads",
            concurrency=_CONCURRENCY,
            hostname=f"worker@{settings.resolved_worker_health_port}",
            loglevel="WARNING",
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            quiet=True,
        )
        worker.start()
        return int(worker.exitcode or 0)


@contextmanager
def _beat(state_dir: Path) -> Iterator[None]:
    thread = EmbeddedService(
        app,
        thread=True,
        schedule_filename=str(state_dir / "beat"),
        scheduler_cls=SteadyScheduler,
        max_interval=_LONGEST_NAP_S,
    )
    thread.start()
    try:
        yield
    finally:
        thread.service.stop()
        # A daemon: while Redis is away it may sit in a connection's retries.
        thread.join(timeout=_JOIN_S)


@contextmanager
def _health(settings: Settings) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=_serve_health, args=(settings, stop), name="health")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=_JOIN_S)


def _serve_health(settings: Settings, stop: threading.Event) -> None:
    async def redis() -> str:
        client = Redis.from_url(settings.resolved_redis_url, socket_timeout=2)
        try:
            await client.ping()
        except (RedisError, OSError) as exc:
            return f"Redis is away: {type(exc).__name__}"
        finally:
            await client.aclose()
        return ""

    async def database() -> str:
        pending = await pending_revisions(settings.resolved_database_url)
        return f"{pending} migrations are pending" if pending else ""

    async def tasks() -> str:
        age_s = pulse.age_s
        return f"no task has run for {age_s:.0f} s" if age_s > _SILENT_FOR_S else ""

    async def main() -> None:
        checks = HealthApp("worker", {"redis": redis, "database": database, "tasks": tasks})
        async with serve_health(checks, "127.0.0.1", settings.resolved_worker_health_port):
            await asyncio.to_thread(stop.wait)

    asyncio.run(main())
