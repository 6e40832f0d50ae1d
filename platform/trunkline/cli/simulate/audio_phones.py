"""The phones of audio callers: calls that the agents place ring here."""

from __future__ import annotations

import asyncio
from typing import Final

from trunkline.cli.simulate.audio_edge import SIMULATED_TRUNK, simulation_of
from trunkline.domain.errors import TrunkError
from trunkline.domain.trunk import NumberRoute
from trunkline.sip.leg import SipLeg
from trunkline.sip.reception import Reception

PHONE: Final = "100"
_MOST_CALLS: Final = 64
_RINGS_WITHIN_S: Final = 20.0


class Phones:
    """Legs that come in, by the number of the simulation they are for."""

    def __init__(self) -> None:
        self.reception = Reception(
            trunks=(SIMULATED_TRUNK,),
            routes=[NumberRoute(PHONE, PHONE, SIMULATED_TRUNK.name)],
            max_calls=_MOST_CALLS,
            accept=self._accept,
        )
        self._legs: dict[int, SipLeg] = {}
        self._came = asyncio.Event()

    def _accept(self, leg: SipLeg, agent: str, at_ms: float) -> None:
        self._legs[simulation_of(leg)] = leg
        self._came.set()

    async def rings(self, number: int) -> SipLeg:
        """The call for a simulation, once it comes; TrunkError when it does not."""
        try:
            async with asyncio.timeout(_RINGS_WITHIN_S):
                while number not in self._legs:
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            raise TrunkError("the edge did not place the call") from None
        return self._legs.pop(number)
