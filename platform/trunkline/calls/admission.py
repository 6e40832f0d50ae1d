"""Whether an INVITE may become a call. Values in, a verdict out; safe on any thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

from trunkline.calls.headroom import UNMEASURED, Capacity
from trunkline.domain.errors import Invalid
from trunkline.domain.trunk import NumberRoute, Trunk, normalise_number, route, trunk_for_source

BUSY_RETRY_AFTER_S: Final = 5
DRAINING_RETRY_AFTER_S: Final = 30

_NO_CALLS: Final[Mapping[str, int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Admit:
    trunk: Trunk
    route: NumberRoute


@dataclass(frozen=True, slots=True)
class Refuse:
    """A final answer: 403 unknown source, 404 unknown number, 503 no room or draining.

    ``reason`` is for our log, never for the peer; ``retry_after_s`` belongs to a 503 (RFC 3261
    §21.5.4).
    """

    sip_status: int
    reason: str
    retry_after_s: int | None = None


Verdict: TypeAlias = Admit | Refuse


def decide(
    *,
    trunks: Sequence[Trunk],
    routes: Sequence[NumberRoute],
    live: int,
    max_calls: int,
    draining: bool,
    source_ip: str,
    called: str,
    live_by_trunk: Mapping[str, int] = _NO_CALLS,
    capacity: Capacity = UNMEASURED,
) -> Verdict:
    """Judge one INVITE; a source that is no trunk's learns nothing but 403.

    ``live`` counts calls that are up or being set up, ``live_by_trunk`` the same by trunk name.
    ``max_calls`` is what somebody configured, ``capacity`` what the edge measures.
    """
    try:
        trunk = trunk_for_source(trunks, source_ip)
    except ValueError:
        return Refuse(403, "source address unreadable")
    if trunk is None:
        return Refuse(403, "source is no trunk's")
    try:
        number = normalise_number(called)
    except Invalid:
        return Refuse(404, "called number unreadable")
    found = route(routes, trunk.name, number)
    if found is None:
        return Refuse(404, "called number has no route")
    if draining:
        return Refuse(503, "draining", DRAINING_RETRY_AFTER_S)
    if live >= max_calls:
        return Refuse(503, "at capacity", BUSY_RETRY_AFTER_S)
    if live >= capacity.most_calls:
        return Refuse(503, f"no headroom: {capacity.why}", capacity.retry_after_s)
    if live_by_trunk.get(trunk.name, 0) >= trunk.max_calls:
        return Refuse(503, "trunk at capacity", BUSY_RETRY_AFTER_S)
    return Admit(trunk, found)
