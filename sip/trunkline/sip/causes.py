"""SIP statuses and Q.850 causes to our own end causes, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from trunkline.domain.call import Direction, EndCause
from trunkline.domain.refusals import unanswered_cause


@dataclass(frozen=True, slots=True)
class Farewell:
    """What we send when a call ends for a cause: a refusal before the answer, Q.850 in a BYE."""

    sip_status: int
    q850: int


FAREWELLS: Final[Mapping[EndCause, Farewell]] = MappingProxyType(
    {
        EndCause.CALLER_HANGUP: Farewell(487, 16),
        EndCause.CALLEE_HANGUP: Farewell(487, 16),
        EndCause.CALLER_CANCELLED: Farewell(487, 16),
        EndCause.AGENT_HANGUP: Farewell(603, 16),
        EndCause.OPERATOR_HANGUP: Farewell(603, 16),
        EndCause.TRANSFERRED: Farewell(603, 16),
        EndCause.BUSY: Farewell(486, 17),
        EndCause.NO_ANSWER: Farewell(480, 19),
        EndCause.UNREACHABLE: Farewell(404, 1),
        EndCause.REJECTED: Farewell(603, 21),
        EndCause.TRUNK_ERROR: Farewell(502, 38),
        EndCause.ENGINE_ERROR: Farewell(503, 41),
        EndCause.FLOW_ERROR: Farewell(500, 41),
        EndCause.MEDIA_TIMEOUT: Farewell(408, 102),
        EndCause.LIMIT_REACHED: Farewell(503, 31),
        EndCause.DRAINED: Farewell(503, 41),
        EndCause.EDGE_LOST: Farewell(500, 41),
        EndCause.INTERNAL_ERROR: Farewell(500, 41),
    }
)

# Q.850 causes a peer may give in a Reason header (RFC 3326) that say more than "normal".
_FROM_Q850: Final[Mapping[int, EndCause]] = MappingProxyType(
    {
        21: EndCause.REJECTED,
        27: EndCause.TRUNK_ERROR,
        34: EndCause.TRUNK_ERROR,
        38: EndCause.TRUNK_ERROR,
        41: EndCause.TRUNK_ERROR,
        42: EndCause.TRUNK_ERROR,
        44: EndCause.TRUNK_ERROR,
        47: EndCause.TRUNK_ERROR,
        102: EndCause.MEDIA_TIMEOUT,
    }
)
# What they say of an INVITE of ours that was not answered; a status may be the gateway's own.
_UNANSWERED_Q850: Final[Mapping[int, EndCause]] = MappingProxyType(
    {
        1: EndCause.UNREACHABLE,
        3: EndCause.UNREACHABLE,
        17: EndCause.BUSY,
        18: EndCause.NO_ANSWER,
        19: EndCause.NO_ANSWER,
        20: EndCause.UNREACHABLE,
        22: EndCause.UNREACHABLE,
        28: EndCause.UNREACHABLE,
    }
)
# Statuses that end an answered dialog without a BYE from the far end: our own request inside it
# (re-INVITE, session refresh) failed, or a timer fired (RFC 3261 §12.2.1.2, RFC 4028 §10).
_DIALOG_LOST: Final = frozenset({408, 481, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Reason:
    """One value of a Reason header (RFC 3326)."""

    protocol: str
    cause: int
    text: str = ""


_REASON: Final = re.compile(
    r"^\s*(?P<protocol>SIP|Q\.850)\s*;.*?\bcause\s*=\s*(?P<cause>\d{1,3})", re.IGNORECASE
)
_REASON_TEXT: Final = re.compile(r'\btext\s*=\s*(?:"([^"]*)"|([^;]+))', re.IGNORECASE)


def reason_header(cause: EndCause) -> str:
    """The Reason header of a BYE or refusal of ours."""
    return f'Q.850;cause={FAREWELLS[cause].q850};text="{cause.value}"'


def parse_reason(value: str) -> Reason | None:
    found = _REASON.match(value)
    if not found:
        return None
    text = _REASON_TEXT.search(value)
    return Reason(
        protocol=found["protocol"].upper(),
        cause=int(found["cause"]),
        text=(text[1] or text[2] or "").strip() if text else "",
    )


def reason_in(message: str) -> Reason | None:
    """The Reason header of a SIP message given as text, if it has one we can read."""
    for line in message.splitlines():
        if not line.strip():
            return None
        name, _, value = line.partition(":")
        if name.strip().lower() == "reason":
            return parse_reason(value)
    return None


def end_cause(
    direction: Direction,
    was_answered: bool,
    sip_status: int,
    reason: Reason | None = None,
    *,
    is_our_own: bool = False,
) -> EndCause:
    """Why a dialog that we did not end is over.

    ``is_our_own``: nobody sent the status; PJSIP made it up (408 for an INVITE without any answer,
    503 for a transport that failed).
    """
    q850 = reason.cause if reason is not None and reason.protocol == "Q.850" else 0
    if q850 in _FROM_Q850:
        return _FROM_Q850[q850]
    is_outbound = direction is Direction.OUTBOUND
    if was_answered:
        if sip_status in _DIALOG_LOST:
            return EndCause.TRUNK_ERROR
        return EndCause.CALLEE_HANGUP if is_outbound else EndCause.CALLER_HANGUP
    if not is_outbound:
        if sip_status // 100 == 2:
            return EndCause.CALLER_HANGUP  # their BYE came before their ACK of our 200
        if sip_status in (487, 0):
            return EndCause.CALLER_CANCELLED
        return EndCause.REJECTED if sip_status == 488 else EndCause.TRUNK_ERROR
    if is_our_own:
        return EndCause.TRUNK_ERROR
    return _UNANSWERED_Q850.get(q850) or unanswered_cause(sip_status)
