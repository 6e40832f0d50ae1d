"""What places calls and joins them: the SIP endpoint, seen from a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from trunkline.domain.errors import TrunkError
from trunkline.domain.leg import Leg

_UNAVAILABLE = 503


class Switch(Protocol):
    """``sip.switch.SipSwitch`` is one."""

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
        """Send an INVITE to a SIP URI or a number; LegRinging, LegAnswered or LegEnded follow.

        ``caller_id`` is a number to show instead of the trunk's own; ``agent`` whom it is for.
        Forbidden when the dial plan does not allow the target, TrunkError when no trunk takes it.
        """
        ...

    async def join(self, one: Leg, other: Leg) -> None:
        """Let two far ends hear each other, in the media bridge, until either leg is over."""
        ...


class SwitchBoard:
    """The edge's way to its switch, which comes with the SIP endpoint, after the edge."""

    def __init__(self) -> None:
        self._switch: Switch | None = None

    def connect(self, switch: Switch) -> None:
        self._switch = switch

    @property
    def _connected(self) -> Switch:
        if self._switch is None:
            raise TrunkError("this edge cannot place calls", sip_status=_UNAVAILABLE)
        return self._switch

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
        return await self._connected.place(
            target,
            trunk=trunk,
            sample_rate_hz=sample_rate_hz,
            headers=headers,
            caller_id=caller_id,
            agent=agent,
        )

    async def join(self, one: Leg, other: Leg) -> None:
        await self._connected.join(one, other)
