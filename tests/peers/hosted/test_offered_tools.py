"""Tools that a flow offers, called by a language model over HTTP: each call gets its output."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from tests.fakes.far_end import Answer, FarEnd, far_end, sse
from tests.peers.hosted.test_chat import CHAT, call, delta, said, talking_to, text
from tests.unit.flows.test_offered_tools import Talk

from trunkline.domain.events import Json, ToolOutcome
from trunkline.flows.actions import AskEngine, EngineCalled
from trunkline.model.cascade.ports import Generator
from trunkline.model.engine import EngineConfig, HistoryItem, ItemRole, ToolCalled

pytestmark = pytest.mark.peers
ERROR = {"error": {"code": "http_500", "message": "It broke."}}
ENDS: list[tuple[ToolOutcome, Json]] = [
    (ToolOutcome.OK, {"state": "on its way"}),
    (ToolOutcome.FAILED, ERROR),
    (ToolOutcome.INVALID, {"error": {"code": "invalid_arguments", "message": "x", "param": "y"}}),
    (ToolOutcome.TIMED_OUT, None),
    (ToolOutcome.UNKNOWN, None),
    (ToolOutcome.PARKED, {"status": "pending"}),
]


class Model:
    """A session with a language model: history in, calls and words out."""

    def __init__(self, talk: Talk, generator: Generator, server: FarEnd) -> None:
        self.talk, self._generator, self._server = talk, generator, server
        self.history = [HistoryItem("u", ItemRole.USER, text="where is my order 12345")]

    async def responds(self) -> str:
        """One response.create; what it calls goes to the flow, what it says comes back."""
        config = EngineConfig(model="m", tools=self.talk.configured.tools)
        parts = await said(self._generator, config, tuple(self.history))
        for place, part in enumerate(part for part in parts if isinstance(part, ToolCalled)):
            item = HistoryItem(
                f"c{len(self.history)}", ItemRole.FUNCTION_CALL, name=part.name,
                call_id=f"fc_{len(self.history)}", arguments=part.arguments,
            )  # fmt: skip
            self.history.append(item)
            self.talk.feed(
                EngineCalled(item.call_id, part.name, orjson.loads(part.arguments), place)
            )
        return text(parts)

    def hears_outputs(self) -> None:
        for call_id, output in self.talk.outputs.items():
            item = HistoryItem(
                f"o_{call_id}", ItemRole.FUNCTION_OUTPUT, orjson.dumps(output).decode(),
                call_id=call_id,
            )  # fmt: skip
            if item.item_id not in [known.item_id for known in self.history]:
                self.history.append(item)

    def asked(self, number: int) -> Any:
        return orjson.loads(self._server.requests[number].body)


@pytest.mark.parametrize(("outcome", "result"), ENDS, ids=[end[0].value for end in ENDS])
async def test_whatever_becomes_of_a_call_the_model_is_told_and_speaks(
    outcome: ToolOutcome, result: Json
) -> None:
    async with far_end() as server:
        called = delta(tool_calls=[call(0, '{"order": "12345"}', call_id="x", name="find_order")])
        server.answers(
            CHAT,
            Answer(chunks=sse(called, delta("tool_calls"))),
            Answer(chunks=sse(delta(content="Here is what I know."), delta("stop"))),
        )
        async with talking_to(server) as generator:
            model = Model(Talk(), generator, server)
            assert await model.responds() == ""
            assert dict(model.talk.running.arguments) == {"order": "12345", "account": "44172908"}
            model.talk.finishes(outcome, result)
            assert any(isinstance(action, AskEngine) for action in model.talk.last)
            model.hears_outputs()
            assert await model.responds() == "Here is what I know."
        functions = [tool["function"] for tool in model.asked(0)["tools"]]
        assert "x-trunkline" not in str(functions)
        find = next(function for function in functions if function["name"] == "find_order")
        assert find["parameters"]["required"] == ["order"]
        assert "where is my order" in find["description"]
        *_, made, told = model.asked(1)["messages"]
        assert told["role"] == "tool"
        assert [each["id"] for each in made["tool_calls"]] == [told["tool_call_id"]]
        if outcome is not ToolOutcome.OK:
            assert "error" in told["content"] or "pending" in told["content"]


async def test_a_transfer_by_a_model_names_a_destination_that_the_flow_has() -> None:
    async with far_end() as server:
        wrong = call(0, '{"destination": "+15550100"}', call_id="x", name="to_person")
        right = call(0, '{"destination": "sales"}', call_id="y", name="to_person")
        server.answers(
            CHAT,
            Answer(chunks=sse(delta(tool_calls=[wrong]), delta("tool_calls"))),
            Answer(chunks=sse(delta(tool_calls=[right]), delta("tool_calls"))),
        )
        async with talking_to(server) as generator:
            model = Model(Talk(), generator, server)
            await model.responds()
        assert len(server.requests) == 2, "the model was told, and corrected itself"
        assert model.talk.transferred_to == "sip:sales@192.0.2.1"
