"""Why a call of ours was not answered, from the final status of its INVITE: the one table."""

from __future__ import annotations

from typing import Final

from trunkline.domain.call import EndCause

_BUSY: Final = frozenset({486, 600})
# 487 without a CANCEL of ours: the far side gave up ringing; most exchanges send 480 for it.
_NO_ANSWER: Final = frozenset({408, 480, 487})
_REJECTED: Final = frozenset({401, 403, 407, 433, 603, 607, 608})


def unanswered_cause(sip_status: int) -> EndCause:
    """RFC 3261 §21; 5xx is the trunk's own fault, every other refusal means nobody is there."""
    if sip_status in _BUSY:
        return EndCause.BUSY
    if sip_status in _NO_ANSWER:
        return EndCause.NO_ANSWER
    if sip_status in _REJECTED:
        return EndCause.REJECTED
    if 500 <= sip_status < 600 or sip_status < 300:
        return EndCause.TRUNK_ERROR
    return EndCause.UNREACHABLE
