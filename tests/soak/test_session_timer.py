"""A peer that is gone while it holds us: no media tells; the refresh of the session does."""

from __future__ import annotations

import asyncio

import pytest
from tests.soak.caller import RestlessCaller

from trunkline.domain.call import EndCause
from trunkline.domain.leg import LegEnded, LegEvent
from trunkline.domain.trunk import LOCAL_TRUNK, NumberRoute
from trunkline.runtime.supervision import nursery
from trunkline.sip.config import EndpointConfig
from trunkline.sip.endpoint import Endpoint
from trunkline.sip.leg import SipLeg
from trunkline.sip.reception import Reception

pytestmark = [pytest.mark.soak, pytest.mark.timeout(300)]

# The shortest that RFC 4028 allows. It is refreshed after half of it; neither the re-INVITE nor the
# BYE that follows is answered, which takes 32 s each (timers B and F).
EXPIRES_S = 90
NOTICED_S = EXPIRES_S / 2 + 2 * 32 + 10


async def test_a_peer_that_is_gone_on_hold_is_noticed_and_one_that_is_there_is_kept() -> None:
    legs: list[SipLeg] = []
    events: dict[str, list[LegEvent]] = {}
    async with nursery("test") as tasks:

        async def follow(leg: SipLeg) -> None:
            async for event in leg.events():
                events.setdefault(leg.description.caller_number, []).append(event)

        async def serve(leg: SipLeg) -> None:
            legs.append(leg)
            await leg.answer()
            await follow(leg)

        def accept(leg: SipLeg, agent: str, invite_at_ms: float) -> None:
            tasks.start(serve(leg), "leg")

        reception = Reception(
            trunks=(LOCAL_TRUNK,),
            routes=(NumberRoute("100", "energy"),),
            max_calls=5,
            accept=accept,
        )
        config = EndpointConfig(session_expires_s=EXPIRES_S)
        endpoint = Endpoint(config, reception=reception, trunks=(LOCAL_TRUNK,))
        async with endpoint.running():
            port = endpoint.sip_port
            async with (
                RestlessCaller("127.0.0.1", port, user="gone") as gone,
                RestlessCaller("127.0.0.1", port, user="there") as there,
            ):
                for caller in (gone, there):
                    await caller.invite()
                assert await gone.hold("sendonly") == 200
                gone.vanish()
                async with asyncio.timeout(NOTICED_S):
                    while not any(isinstance(event, LegEnded) for event in events["gone"]):
                        await asyncio.sleep(0.2)
                (ended,) = (one for one in events["gone"] if isinstance(one, LegEnded))
                assert ended.cause in {EndCause.TRUNK_ERROR, EndCause.MEDIA_TIMEOUT}
                # A whole session is over by now, for both.
                assert not there.over.is_set()
                heard = len(there.packets)
                await asyncio.sleep(1)
                assert len(there.packets) > heard + 40
                await there.hang_up()
