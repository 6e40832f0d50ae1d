"""The worker process: Celery's worker and beat, and the health app beside them."""

from __future__ import annotations

import asyncio
import threading
import time

from redis.asyncio import Redis
from redis.exceptions import RedisError

from trunkline.jobs.app import app, broker_url
from trunkline.runtime.health import HealthApp, serve_health
from trunkline.runtime.logging import get_logger
from trunkline.runtime.settings import Settings
from trunkline.storage.migrate import pending_revisions

log = get_logger(__name__)


def serve(settings: Settings) -> int:
    """Until SIGTERM, which lets running tasks end. Threads, not processes: tasks wait for I/O."""
    app.conf.broker_url = broker_url(settings.resolved_redis_url)
    state_dir = settings.data_dir / "worker"
    state_dir.mkdir(parents=True, exist_ok=True)
    stop = threading.Event()
    health = threading.Thread(target=_serve_health, args=(settings, stop), name="health")
    health.start()
    try:
        worker = app.Worker(
            pool="threads",
            concurrency=2,
            beat=True,
            schedule_filename=str(state_dir / "beat"),
            hostname=f"worker@{settings.resolved_worker_health_port}",
            loglevel="WARNING",
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            quiet=True,
        )
        worker.start()
        return int(worker.exitcode or 0)
    finally:
        stop.set()
        health.join(timeout=5)


def _serve_health(settings: Settings, stop: threading.Event) -> None:
    async def redis() -> str:
        client = Redis.from_url(settings.resolved_redis_url, socket_timeout=2)
        try:
            await client.ping()
        except (RedisError, OSError) as exc:
            return f"Redis is away: {exc}"
        finally:
            await client.aclose()
        return ""

    async def database() -> str:
        pending = await pending_revisions(settings.resolved_database_url)
        return f"{pending} migrations are pending" if pending else ""

    async def main() -> None:
        checks = HealthApp("worker", {"redis": redis, "database": database})
        async with serve_health(checks, "127.0.0.1", settings.resolved_worker_health_port):
            started = time.monotonic()
            await asyncio.to_thread(stop.wait)
            log.info("worker ends", after_s=round(time.monotonic() - started))

    asyncio.run(main())
