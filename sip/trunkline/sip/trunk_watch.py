"""OPTIONS to every trunk that wants it, and what becomes of them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Final

import pjsua2 as pj

from trunkline.domain.errors import TrunklineError
from trunkline.domain.trunk import Trunk
from trunkline.runtime.logging import get_logger
from trunkline.runtime.telemetry import TRUNK_UP
from trunkline.sip.account import PjAccount, Registration, registrar_uri
from trunkline.sip.control_thread import ControlThread
from trunkline.sip.trunk_health import TrunkHealth

log = get_logger(__name__)

_JITTER: Final = 0.1
_NO_ANSWER: Final = 408


class TrunkWatch:
    """``heard`` may be called from any thread, all else belongs to the loop."""

    def __init__(
        self,
        trunks: Sequence[Trunk],
        control: ControlThread,
        account_of: Callable[[str], PjAccount],
    ) -> None:
        self._trunks = [trunk for trunk in trunks if trunk.options_s and trunk.registrar]
        self._control = control
        self._account_of = account_of
        self._health = {trunk.name: TrunkHealth(trunk.name) for trunk in self._trunks}
        self._waits: set[str] = set()
        for name in self._health:
            TRUNK_UP.labels(trunk=name).set(1)

    def health(self) -> tuple[TrunkHealth, ...]:
        return tuple(self._health.values())

    def is_up(self, trunk: str) -> bool:
        """True as well for a trunk that is not asked."""
        health = self._health.get(trunk)
        return health is None or health.is_up

    def waits_for(self, trunk: str) -> bool:
        """Whether an OPTIONS to it is under way."""
        return trunk in self._waits

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for trunk in self._trunks:
                tasks.create_task(self._ask_for_ever(trunk), name=f"options-{trunk.name}")

    async def _ask_for_ever(self, trunk: Trunk) -> None:
        while True:
            await self.ask(trunk)
            spread = random.uniform(1 - _JITTER, 1 + _JITTER)
            await asyncio.sleep(trunk.options_s * spread)

    async def ask(self, trunk: Trunk) -> None:
        """Send one; that the one before was not answered counts as a failure."""
        if trunk.name in self._waits:
            self.heard(trunk.name, _NO_ANSWER)
        self._waits.add(trunk.name)
        request = pj.SendRequestParam()
        request.method = "OPTIONS"
        request.txOption.targetUri = registrar_uri(trunk)

        def send() -> None:
            self._account_of(trunk.name).sendRequest(request)

        try:
            await self._control.run(send)
        except TrunklineError:
            self.heard(trunk.name, _NO_ANSWER)

    def heard(self, trunk: str, sip_status: int) -> None:
        """The outcome of the OPTIONS that is under way; a second one of it is not counted."""
        if trunk not in self._waits:
            return
        self._waits.discard(trunk)
        before = self._health[trunk]
        now = self._health[trunk] = before.heard(sip_status)
        if now.is_up is before.is_up:
            return
        TRUNK_UP.labels(trunk=trunk).set(1 if now.is_up else 0)
        if now.is_up:
            log.info("trunk is up again", trunk=trunk)
        else:
            log.warning(
                "trunk is down: it does not answer OPTIONS", trunk=trunk, sip_status=sip_status
            )


def trunk_states(
    trunks: Sequence[Trunk],
    registrations: Sequence[Registration],
    health: Sequence[TrunkHealth],
) -> dict[str, dict[str, bool | str]]:
    """Whether trunks are registered and answer OPTIONS, where they should."""
    told: dict[str, dict[str, bool | str]] = {trunk.name: {} for trunk in trunks}
    for state in registrations:
        told[state.trunk] |= {"is_registered": state.is_registered, "problem": state.problem}
    for one in health:
        told[one.trunk]["is_up"] = one.is_up
    return told
