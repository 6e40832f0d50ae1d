"""The slot-filling planner as a Generator: the embedded brain, and the spare of a hosted one."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import orjson

from trunkline.domain.clock import Clock
from trunkline.model.cascade.dialogue_state import CallTool, Speak
from trunkline.model.cascade.forced_calls import ForcedCall
from trunkline.model.cascade.planner import Planner
from trunkline.model.cascade.ports import GeneratorPart, NowExpected, WholeText
from trunkline.model.engine import EngineConfig, ResponseEnded, ResponseRequest, ToolCalled


class LocalGenerator:
    """Raises Invalid when a forced call cannot satisfy its schema."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def planner(self, config: EngineConfig) -> Planner:
        return Planner(config.tools, self._clock.now().astimezone().date())

    async def generate(self, request: ResponseRequest) -> AsyncGenerator[GeneratorPart]:
        """One message or one function call."""
        config = request.config
        plan = self.planner(config).plan(request.history, config.tool_choice)
        yield NowExpected(plan.after)
        match plan.move:
            case Speak(text):
                yield WholeText(text)
            case CallTool(name, arguments):
                yield ToolCalled(name, orjson.dumps(dict(arguments)).decode())
            case ForcedCall(name, arguments, synthesised):
                yield ToolCalled(name, orjson.dumps(dict(arguments)).decode(), synthesised)
        yield ResponseEnded()

    async def aclose(self) -> None:
        return None
