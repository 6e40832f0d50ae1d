"""The switch of an edge: legs placed over its trunks, and joined in the media bridge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trunkline.domain.dial_plan import DialPlan
from trunkline.domain.errors import TrunkError
from trunkline.domain.leg import Leg
from trunkline.domain.outbound import host_and_port
from trunkline.domain.trunk import LOCAL_TRUNK, Trunk
from trunkline.sip.endpoint import Endpoint
from trunkline.sip.leg import SipLeg


class SipSwitch:
    """``place`` obeys the dial plan for numbers, and for URIs that lead to a trunk's registrar."""

    def __init__(self, endpoint: Endpoint, trunks: Sequence[Trunk], plan: DialPlan) -> None:
        self._endpoint = endpoint
        self._trunks = tuple(trunks)
        self._plan = plan

    async def place(
        self,
        target: str,
        *,
        trunk: str = "",
        sample_rate_hz: int = 8000,
        headers: Mapping[str, str] | None = None,
        caller_id: str = "",
        agent: str = "",
    ) -> Leg:
        over = self._trunk_for(target, trunk)
        dialled = self._plan.check(target, leads_outside=over is not LOCAL_TRUNK)
        is_carried = over is not LOCAL_TRUNK  # a URI that leads to no trunk uses up none's lines
        if is_carried and self._endpoint.live_on(over.name) >= over.max_calls:
            raise TrunkError(f"trunk {over.name} has {over.max_calls} calls up", sip_status=503)
        return await self._endpoint.place(
            dialled,
            trunk=over,
            sample_rate_hz=sample_rate_hz,
            headers=headers,
            caller_id=caller_id,
            agent=agent,
        )

    async def join(self, one: Leg, other: Leg) -> None:
        if not isinstance(one, SipLeg) or not isinstance(other, SipLeg):
            raise TypeError("only SIP legs can be joined here")
        await one.join(other)

    def _trunk_for(self, target: str, wanted: str) -> Trunk:
        """The trunk of that name if it can dial, else the first that can; URIs may need none."""
        able = [trunk for trunk in self._trunks if trunk.registrar]
        if target.startswith(("sip:", "sips:")):
            where = host_and_port(target)
            return next((t for t in able if host_and_port(t.registrar) == where), LOCAL_TRUNK)
        named = [trunk for trunk in able if trunk.name == wanted]
        if not (named or able):
            raise TrunkError("no trunk with a registrar can dial a number", sip_status=503)
        return (named or able)[0]
