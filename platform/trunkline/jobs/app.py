"""The Celery app: at-least-once tasks on Redis, and the beat that wakes them."""

from __future__ import annotations

from typing import Final

from celery import Celery

from trunkline.jobs.beat import Every
from trunkline.jobs.broker import be_patient

RELAY_EVERY_S: Final = 2.0
MAIL_EVERY_S: Final = 2.0
REAP_EVERY_S: Final = 5.0
EXPIRE_EVERY_S: Final = 3600.0
STORE_USAGE_EVERY_S: Final = 2.0
RUN_TOOLS_EVERY_S: Final = 1.0
PLACE_EVERY_S: Final = 2.0
APPROVALS_EVERY_S: Final = 1.0


_ROUNDS: Final = {
    "relay outbox": ("relay_outbox", RELAY_EVERY_S),
    "send mail": ("send_mail", MAIL_EVERY_S),
    "close calls of lost edges": ("close_lost_calls", REAP_EVERY_S),
    "place due calls": ("place_due_calls", PLACE_EVERY_S),
    "store usage": ("store_usage", STORE_USAGE_EVERY_S),
    "run tools": ("run_tools", RUN_TOOLS_EVERY_S),
    # It tells edges whatever they have not heard of, results of tools included.
    "keep approvals' clocks": ("keep_approvals", APPROVALS_EVERY_S),
    "forget what is old": ("expire_records", EXPIRE_EVERY_S),
}

be_patient()
app = Celery("trunkline", include=["trunkline.jobs.tasks"])
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    broker_connection_retry_on_startup=True,
    broker_transport_options={"visibility_timeout": 300},
    # A worker that lost Redis goes on trying for ever: the supervisor sees its health.
    broker_connection_max_retries=None,
    # MISCONF of a full disk and the like: refused for now, not for good.
    broker_channel_error_retry=True,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    timezone="UTC",
    beat_schedule={
        # Each wake-up is worthless once the next one is due.
        name: {
            "task": f"trunkline.{task}",
            "schedule": Every(every_s),
            "options": {"expires": every_s},
        }
        for name, (task, every_s) in _ROUNDS.items()
    },
)
