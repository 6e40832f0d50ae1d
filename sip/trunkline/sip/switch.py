"""The switch of an edge: legs placed over its trunks, and joined in the media bridge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trunkline.domain.dial_plan import DialPlan
from trunkline.domain.errors import TrunkError
from trunkline.domain.leg import Leg
from trunkline.domain.outbound import OutboundRules, host_and_port
from trunkline.domain.trunk import LOCAL_TRUNK, Trunk
from trunkline.sip.endpoint import Endpoint
from trunkline.sip.failover import place_in_turn
from trunkline.sip.leg import SipLeg


class SipSwitch:
    """``place`` obeys the dial plan for numbers, and for URIs that lead to a trunk's registrar.

    With ``rules`` a number is tried over other trunks when the first one fails (``failover``).
    """

    def __init__(
        self,
        endpoint: Endpoint,
        trunks: Sequence[Trunk],
        plan: DialPlan,
        rules: OutboundRules | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._trunks = tuple(trunks)
        self._plan = plan
        self._rules = rules

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
        first = self._trunk_for(target, trunk)
        dialled = self._plan.check(target, leads_outside=first is not LOCAL_TRUNK)

        async def place_over(over: Trunk) -> SipLeg:
            # A URI that leads to no trunk uses up none's lines.
            if over is not LOCAL_TRUNK and self._endpoint.live_on(over.name) >= over.max_calls:
                raise TrunkError(f"trunk {over.name} has {over.max_calls} calls up", sip_status=503)
            return await self._endpoint.place(
                dialled,
                trunk=over,
                sample_rate_hz=sample_rate_hz,
                headers=headers,
                caller_id=caller_id,
                agent=agent,
            )

        return await place_in_turn(self._in_order(first, dialled, caller_id), place_over)

    def _in_order(self, first: Trunk, dialled: str, caller_id: str) -> list[Trunk]:
        """The first and those that may stand in for it; a trunk that is down comes last."""
        names = (
            self._rules.backups(dialled, trunk=first.name, caller_id=caller_id)
            if self._rules is not None and first is not LOCAL_TRUNK
            else ()
        )
        backups = [trunk for name in names for trunk in self._trunks if trunk.name == name]
        return sorted([first, *backups], key=lambda t: not self._endpoint.watch.is_up(t.name))

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
        found = [trunk for trunk in named or able if trunk.carries(target)]
        if not found:
            raise TrunkError("no trunk with a registrar can dial the number", sip_status=503)
        return found[0]
