"""kombu's Redis transport, made to survive Redis.

When Redis goes away while a task runs, kombu 5.7.0 acknowledges the task (or hands it back) over a
channel whose connection it has already dropped: an AttributeError that Celery takes for
unrecoverable. The message is not lost by keeping quiet: Redis hands it out again after the
visibility timeout, and ours are stale by then.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import redis, virtual


class PatientQoS(redis.QoS):
    restore_at_shutdown = False

    def ack(self, delivery_tag: Any) -> None:
        if self.channel.connection is None:
            virtual.QoS.ack(self, delivery_tag)  # type: ignore[no-untyped-call]
        else:
            super().ack(delivery_tag)  # type: ignore[no-untyped-call]

    def reject(self, delivery_tag: Any, requeue: bool = False) -> None:
        if self.channel.connection is None:
            virtual.QoS.ack(self, delivery_tag)  # type: ignore[no-untyped-call]
        else:
            super().reject(delivery_tag, requeue)  # type: ignore[no-untyped-call]


def broker_url(redis_url: str) -> str:
    """kombu's spelling of a Redis on a Unix socket."""
    return redis_url.replace("unix://", "redis+socket://", 1)


def be_patient() -> None:
    """From now on, for every connection of this process."""
    redis.Channel.QoS = PatientQoS
