"""The Celery app: at-least-once tasks on Redis, and the beat that wakes them."""

from __future__ import annotations

from typing import Final

from celery import Celery

from trunkline.jobs.broker import be_patient

RELAY_EVERY_S: Final = 2.0
REAP_EVERY_S: Final = 5.0
EXPIRE_EVERY_S: Final = 3600.0
STORE_USAGE_EVERY_S: Final = 2.0
RUN_TOOLS_EVERY_S: Final = 1.0
PLACE_EVERY_S: Final = 2.0
APPROVALS_EVERY_S: Final = 1.0


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
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    timezone="UTC",
    beat_schedule={
        # Each wake-up is worthless once the next one is due.
        "relay outbox": {
            "task": "trunkline.relay_outbox",
            "schedule": RELAY_EVERY_S,
            "options": {"expires": RELAY_EVERY_S},
        },
        "close calls of lost edges": {
            "task": "trunkline.close_lost_calls",
            "schedule": REAP_EVERY_S,
            "options": {"expires": REAP_EVERY_S},
        },
        "place due calls": {
            "task": "trunkline.place_due_calls",
            "schedule": PLACE_EVERY_S,
            "options": {"expires": PLACE_EVERY_S},
        },
        "store usage": {
            "task": "trunkline.store_usage",
            "schedule": STORE_USAGE_EVERY_S,
            "options": {"expires": STORE_USAGE_EVERY_S},
        },
        "run tools": {
            "task": "trunkline.run_tools",
            "schedule": RUN_TOOLS_EVERY_S,
            "options": {"expires": RUN_TOOLS_EVERY_S},
        },
        "tell results of tools": {
            "task": "trunkline.tell_results",
            "schedule": RUN_TOOLS_EVERY_S,
            "options": {"expires": RUN_TOOLS_EVERY_S},
        },
        "keep approvals' clocks": {
            "task": "trunkline.keep_approvals",
            "schedule": APPROVALS_EVERY_S,
            "options": {"expires": APPROVALS_EVERY_S},
        },
        "expire recordings": {
            "task": "trunkline.expire_recordings",
            "schedule": EXPIRE_EVERY_S,
            "options": {"expires": EXPIRE_EVERY_S},
        },
    },
)
