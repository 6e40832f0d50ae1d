"""Counters and histograms under the field's own names, in Prometheus' registry of this process."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_TURN_BUCKETS_S: Final = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5, 2.0, 4.0)

CALLS_LIVE: Final = Gauge("trunkline_calls_live", "Calls that are up in this process")
CALLS_ENDED: Final = Counter("trunkline_calls_ended_total", "Calls ended, by cause", ["cause"])
CALLS_REFUSED: Final = Counter(
    "trunkline_calls_refused_total",
    "INVITEs refused before a call existed, by SIP status",
    ["status"],
)
SETUP_SECONDS: Final = Histogram(
    "trunkline_call_setup_seconds", "INVITE to 200 OK", buckets=_TURN_BUCKETS_S
)
RESPONSE_SECONDS: Final = Histogram(
    "trunkline_turn_response_seconds",
    "End of the caller's speech to the first agent audio",
    buckets=_TURN_BUCKETS_S,
)
STOP_TO_SILENCE_SECONDS: Final = Histogram(
    "trunkline_stop_to_silence_seconds",
    "Onset of the caller's speech, as detected, to the agent's pause",
    buckets=_TURN_BUCKETS_S,
)
UNDERRUNS: Final = Counter(
    "trunkline_media_underruns_total", "Ticks in which owed audio was missing"
)
QUEUE_CALLERS: Final = Gauge(
    "trunkline_queue_callers", "Callers of this process in a hold queue, by queue", ["queue"]
)
QUEUE_WAIT_SECONDS: Final = Histogram(
    "trunkline_queue_wait_seconds",
    "Time in a hold queue, by queue and how it ended",
    ["queue", "outcome"],
    buckets=(5, 10, 20, 30, 60, 120, 300, 600, 1200, 3600),
)
ANSWERED_BY: Final = Counter(
    "trunkline_answerers_total", "Who took a call, as far as was heard", ["answerer"]
)
GUARD_ACTIONS: Final = Counter(
    "trunkline_guard_actions_total",
    "What the guardrails did about the words of calls",
    ["side", "category", "action"],
)
TOOL_RUNS: Final = Counter("trunkline_tool_runs_total", "Tool runs, by outcome", ["outcome"])
ESCALATIONS: Final = Counter(
    "trunkline_escalations_total", "Escalations raised, by what gave rise to them", ["kind"]
)
ENGINE_FAILURES: Final = Counter(
    "trunkline_engine_failures_total", "Engine failures seen by calls, by code", ["code"]
)
HOSTED_REQUESTS: Final = Counter(
    "trunkline_hosted_requests_total",
    "Attempts at hosted ports, by port and outcome",
    ["port", "outcome"],
)
HOSTED_FIRST_BYTE_SECONDS: Final = Histogram(
    "trunkline_hosted_first_byte_seconds",
    "Attempt at a hosted port to its first byte",
    ["port"],
    buckets=_TURN_BUCKETS_S,
)
HOSTED_FALLBACKS: Final = Counter(
    "trunkline_hosted_fallbacks_total",
    "What a local port did because the hosted one failed, by port and reason",
    ["port", "code"],
)
HOSTED_BREAKER_OPEN: Final = Gauge(
    "trunkline_hosted_breaker_open", "1 while a hosted port is left alone", ["port"]
)
UPSTREAM_SESSIONS: Final = Counter(
    "trunkline_upstream_sessions_total",
    "Sessions opened at the upstream Realtime endpoint, by why",
    ["why"],
)
UPSTREAM_FAILURES: Final = Counter(
    "trunkline_upstream_failures_total", "What went wrong with the upstream, by code", ["code"]
)
SESSIONS_LIVE: Final = Gauge("trunkline_realtime_sessions_live", "Realtime sessions that are open")
MODEL_TASKS: Final = Gauge("trunkline_model_tasks", "Tasks of the model server's event loop")
FACTS_SPOOLED: Final = Gauge(
    "trunkline_facts_spooled", "Facts of calls that wait on disk for the database"
)
MEDIA_PROBLEMS: Final = Counter(
    "trunkline_media_problems_total", "Calls to which no audio came for five seconds"
)
KEYS_DROPPED: Final = Counter(
    "trunkline_dtmf_dropped_total", "Keys that came faster than anybody presses them, not told"
)
TLS_FAILURES: Final = Counter(
    "trunkline_sip_tls_refused_total", "Carriers' TLS certificates that were refused"
)
TRUNK_UP: Final = Gauge("trunkline_trunk_up", "1 while the trunk answers our OPTIONS", ["trunk"])
TRUNK_FAILOVERS: Final = Counter(
    "trunkline_trunk_failovers_total", "Placed calls that a trunk did not take", ["trunk"]
)
CALLS_STUCK: Final = Gauge(
    "trunkline_calls_stuck", "Calls of this process in which nothing moves and that do not end"
)
CALLS_OLDEST_SECONDS: Final = Gauge(
    "trunkline_calls_oldest_seconds", "Age of the oldest call of this process; 0 without any"
)
CALLS_REAPED: Final = Counter(
    "trunkline_calls_reaped_total", "Calls closed because they were stuck, by why", ["why"]
)
EDGE_CALLS: Final = Gauge(
    "trunkline_edge_calls", "Calls that are live in the database, by edge", ["edge"]
)
EDGE_OLDEST_SECONDS: Final = Gauge(
    "trunkline_edge_oldest_call_seconds", "Age of an edge's oldest call in the database", ["edge"]
)
ADMISSION_OPEN: Final = Gauge(
    "trunkline_admission_open", "1 while this edge lets calls in, as far as it measures itself"
)
ADMISSION_CLOSINGS: Final = Counter(
    "trunkline_admission_closings_total", "Times this edge refused calls before they would suffer"
)
HEADROOM_CALLS: Final = Gauge(
    "trunkline_headroom_calls", "More calls that this edge has room for, as far as it measures"
)
EDGE_GAUGES: Final = Gauge(
    "trunkline_edge_reading",
    "What this edge measured of itself in the last second, by gauge; -1: nothing to measure",
    ["gauge"],
)
TRUNK_REGISTRATION_FAILURES: Final = Counter(
    "trunkline_trunk_registration_failures_total", "REGISTERs that were not accepted", ["trunk"]
)
TRUNK_CALLS: Final = Counter(
    "trunkline_trunk_calls_total", "Calls that a trunk brought and were taken", ["trunk"]
)
TRUNK_REFUSED: Final = Counter(
    "trunkline_trunk_refused_total",
    "INVITEs of a trunk that were refused, by SIP status",
    ["trunk", "status"],
)
TRUNK_LIMITED: Final = Counter(
    "trunkline_trunk_limited_total",
    "INVITEs of a trunk that were refused because more came than its calls_per_second",
    ["trunk"],
)
TRUNK_REGISTERED: Final = Gauge(
    "trunkline_trunk_registered", "1 when the trunk's registration stands", ["trunk"]
)
