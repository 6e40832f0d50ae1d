"""A call that the agent places: ordered as an edge is given it, and the phone it rings."""

from __future__ import annotations

import asyncio
from typing import Final

from trunkline.calls.service import CallService
from trunkline.cli.simulate.simulation import CallTaker, Outbound, Simulation
from trunkline.cli.simulate.text_leg import Humans, TextLeg
from trunkline.domain.call import Direction
from trunkline.domain.ids import CallId, new_call_id
from trunkline.domain.leg import Leg
from trunkline.domain.outbound import OutboundRoute
from trunkline.domain.tariff import FREE
from trunkline.storage.placement_views import ClaimedPlacement

RING_S: Final = 30
_LONGEST_S: Final = 3600
_ALERT_S: Final = 0.2


def order(simulation: Simulation, call_id: CallId) -> ClaimedPlacement:
    """The simulation's call as somebody ordered it; its variables go with it."""
    return ClaimedPlacement(
        placement_id=call_id,
        call_id=call_id,
        number=1,
        route=OutboundRoute(
            simulation.caller_number, "local", FREE, caller_id=simulation.called_number
        ),
        agent=simulation.agent,
        variables=simulation.variables,
        ring_s=RING_S,
        longest_s=_LONGEST_S,
        granted_s=_LONGEST_S,
        is_metered=False,
    )


def begin_placed(calls: CallService, leg: Leg, simulation: Simulation, at_ms: float) -> None:
    """The call of a leg that has just been dialled."""
    call_id = new_call_id()
    calls.begin_placed(leg, order(simulation, call_id), calls.hold(call_id), at_ms)


def text_leg(simulation: Simulation, humans: Humans) -> TextLeg:
    """The line of a text call, in its direction: who is called is the simulation's caller."""
    if simulation.outbound is None:
        return TextLeg(simulation.caller_number, simulation.called_number, humans)
    return TextLeg(
        simulation.called_number,
        simulation.caller_number,
        humans,
        direction=Direction.OUTBOUND,
    )


def begin_outbound(
    calls: CallService, leg: TextLeg, simulation: Simulation, outbound: Outbound, at_ms: float
) -> None:
    """Dial: the phone rings, and then whoever takes it does, or nobody."""
    begin_placed(calls, leg, simulation, at_ms)
    later = asyncio.get_running_loop().call_later
    rings_s = max(outbound.rings_s, _ALERT_S)
    match outbound.answers:
        case CallTaker.NO_ANSWER:
            later(_ALERT_S, leg.alert)
        case taker if taker.answers:
            later(_ALERT_S, leg.alert)
            later(rings_s, _pick_up, leg)
        case taker:
            later(rings_s, leg.refuse, taker.sip_status)


def _pick_up(leg: TextLeg) -> None:
    if leg.ended is None:
        leg.pick_up()
