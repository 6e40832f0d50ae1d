"""What a flow does with its call rather than says in it: transfers, queues, digits, hand-offs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Final

from trunkline.domain.agent import AgentSpec
from trunkline.domain.errors import TrunklineError
from trunkline.flows.actions import Enqueue, Transfer
from trunkline.runtime.logging import get_logger

if TYPE_CHECKING:
    from trunkline.calls.session import CallSession

log = get_logger(__name__)

_WAIT: Final = "W"
_WAIT_S: Final = 0.5


class CallActs:
    """Begins each act in the call's task group; what comes of it goes back to the flow."""

    def __init__(self, call: CallSession) -> None:
        self._call = call

    def transfer(self, action: Transfer) -> None:
        self._call.spawn(self._call.away.transfer(action), "transfer")

    def enqueue(self, action: Enqueue) -> None:
        self._call.spawn(self._call.away.enqueue(action), "queue")

    def detect_voicemail(self, wait_ms: int) -> None:
        self._call.spawn(self._call.answering.detect(wait_ms), "detect-voicemail")

    def await_beep(self, max_ms: int) -> None:
        self._call.spawn(self._call.answering.await_beep(max_ms), "await-beep")

    def use_agent(self, agent: AgentSpec) -> None:
        """Voice, speed, language and tools of the other; a voice needs a session of its own."""
        call, before = self._call, self._call.dialogue.agent
        call.record.note("agent", name=agent.name, flow_version=agent.flow_version)
        call.dialogue.use_agent(agent)
        call.use_tools_of(agent.name)
        call.dialogue.guard.use(call.flows.take(agent.name).guardrails)
        if (agent.voice, agent.speed, agent.language) != (
            before.voice,
            before.speed,
            before.language,
        ):
            change = {
                "audio": {
                    "input": {"transcription": {"language": agent.language}},
                    "output": {"voice": agent.voice, "speed": agent.speed},
                }
            }
            call.link.switch(call.link.engines, change)

    def use_engine(self, engine: str, fallback: str) -> None:
        """A session with another engine takes the place of this one, with all that was said."""
        call = self._call
        wanted = replace(call.dialogue.agent, model=engine, fallback_model=fallback)
        engines = call.edge.engines_of(wanted)
        call.record.note("engine_wanted", engine=engines[0])
        if engines != call.link.engines:
            call.link.switch(engines, {})

    def send_digits(self, digits: str) -> None:
        self._call.spawn(self._send_digits(digits), "send-digits")

    async def _send_digits(self, digits: str) -> None:
        """After the last word; every ``w`` waits half a second."""
        call = self._call
        await call.away.last_words()
        for is_wait, run in groupby(digits.upper(), key=lambda digit: digit == _WAIT):
            if is_wait:
                await asyncio.sleep(len(list(run)) * _WAIT_S)
                continue
            try:
                await call.leg.send_digits("".join(run))
            except TrunklineError as exc:
                log.warning("digits could not be sent", call_id=call.call_id, code=exc.code)
                return
