"""Tools that the engine calls: every call gets its output once, and no model leads in circles."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from tests.unit.flows.conversation import Conversation, flow_of

from trunkline.domain.events import Json, ToolOutcome
from trunkline.flows.actions import (
    AskEngine,
    AwaitBeep,
    BeepHeard,
    Configure,
    EngineCalled,
    Enqueue,
    HangUp,
    ListenForCaller,
    ParkTool,
    QueueFinished,
    QueueOutcome,
    QueuePosition,
    ReplyToEngine,
    RunTool,
    Say,
    SendDigits,
    ToolFinished,
    Transfer,
    TransferCause,
    TransferFinished,
    TransferMode,
)
from trunkline.flows.offered_tools import MAX_CALLS, MAX_FAILURES, MAX_OUTPUT_BYTES

SHOP = """
agent: {name: shop, display_name: Shop}
start: menu
variables: {account: "44172908", shop: Shop, mood: ""}
policies: {no_match: {then: {say: Let me stop here., goto: bye}}}
intents:
  bye: {label: ending, description: The end., examples: [goodbye], goto: bye, everywhere: true}
keys: {"0": bye}
tools:
  find_order:
    description: Where an order is.
    examples: [where is my order]
    parameters:
      type: object
      properties: {order: {type: string, pattern: "^[0-9]{5}$"}, account: {type: string}}
      required: [order, account]
      additionalProperties: false
    http: {url: "https://shop.example/orders/{{ order }}"}
    while_running: One moment.
  refund:
    description: Pay money back.
    risk: high
    parameters: {type: object, properties: {order: {type: string}}, required: [order]}
    http: {url: "https://shop.example/refunds", method: POST}
  note:
    description: Write down how the caller feels.
    after: silent
    builtin: {set_variable: {mood: {enum: [calm, angry]}}}
  to_person:
    description: Put the caller through.
    builtin:
      transfer:
        targets: {sales: "sip:sales@192.0.2.1", support: "sip:support@192.0.2.1"}
        mode: warm
        briefing: A caller of {{ shop }}.
  wait_in_line:
    description: Let the caller wait for a person.
    builtin: {queue: {name: desk, targets: ["sip:a@192.0.2.1"]}}
  end_call: {description: End the call., builtin: {hang_up: {say: Goodbye.}}}
  press: {description: Press keys., builtin: send_digits}
  leave_word: {description: Leave a message., builtin: {voicemail_message: {say: Call us back.}}}
steps:
  menu:
    say: How can I help?
    listen:
      tools:
        find_order: {arguments: {account: "{{ account }}"}, save_as: order}
        refund:
        note:
        to_person:
        wait_in_line:
        end_call:
        press: {after: silent}
        leave_word:
  bye: {say: Bye., hang_up: done}
"""
FLOW = flow_of(SHOP)


class Talk(Conversation):
    """A conversation whose engine calls tools as a model does."""

    def __init__(self, **variables: Json) -> None:
        super().__init__(FLOW, **variables)
        self._numbers = count(1)
        self.answer()

    def model_calls(self, name: str, /, place: int = 0, **arguments: Json) -> str:
        call_id = f"fc_{next(self._numbers)}"
        self.feed(EngineCalled(call_id, name, arguments, place))
        return call_id

    def finishes(self, outcome: ToolOutcome, result: Json) -> None:
        self.feed(ToolFinished(self.running.run_id, outcome, result))

    @property
    def outputs(self) -> dict[str, Any]:
        """Every function call's output; a call has one at most."""
        given = [action for action in self.log if isinstance(action, ReplyToEngine)]
        assert len({reply.call_id for reply in given}) == len(given), "answered twice"
        return {reply.call_id: reply.output for reply in given}

    @property
    def runs(self) -> list[RunTool]:
        return [action for action in self.log if isinstance(action, RunTool)]

    def error_of(self, call_id: str) -> str:
        return str(self.outputs[call_id]["error"]["code"])


@pytest.fixture
def talk() -> Iterator[Talk]:
    talk = Talk()
    yield talk
    assert talk.outputs is not None  # no call was answered twice, whatever the test did


def test_a_tool_is_offered_as_a_plain_function_without_what_the_flow_gives(talk: Talk) -> None:
    offered = {str(tool["name"]): tool for tool in talk.configured.tools}
    find = offered["find_order"]
    assert find["parameters"]["properties"].keys() == {"order"}
    assert find["parameters"]["required"] == ["order"]
    assert find["x-trunkline"] == {"role": "tool", "examples": ["where is my order"]}
    assert "x-trunkline" not in offered["press"]
    assert "do not say that it is" in offered["refund"]["description"]
    assert offered["to_person"]["parameters"]["properties"]["destination"]["enum"] == [
        "sales",
        "support",
    ]
    assert all(set(tool["parameters"]) >= {"type", "properties"} for tool in offered.values())


def test_a_call_is_run_with_what_the_flow_gives_and_the_engine_says_what_came_of_it(
    talk: Talk,
) -> None:
    call_id = talk.model_calls("find_order", order="12345")
    assert dict(talk.running.arguments) == {"order": "12345", "account": "44172908"}
    assert isinstance(talk.last[-1], ListenForCaller), "the tick that watches over it"
    talk.caller_is_silent()
    assert talk.said == ["One moment."]
    talk.finishes(ToolOutcome.OK, {"state": "on its way"})
    assert talk.outputs[call_id] == {"state": "on its way"}
    assert [type(action) for action in talk.last[-2:]] == [AskEngine, ListenForCaller]
    assert talk.runner.variables["order"] == {"state": "on its way"}
    assert talk.runner.step == "menu"


def test_what_the_flow_gives_is_not_the_models_to_choose(talk: Talk) -> None:
    call_id = talk.model_calls("find_order", order="12345", account="1")
    assert talk.error_of(call_id) == "invalid_arguments"
    assert not talk.runs


@pytest.mark.parametrize(
    ("outcome", "result", "code"),
    [
        (ToolOutcome.INVALID, {"error": {"code": "invalid_arguments", "message": "x"}},
         "invalid_arguments"),
        (ToolOutcome.FAILED, {"error": {"code": "http_500", "message": "x"}}, "http_500"),
        (ToolOutcome.FAILED, "nonsense", "failed"),
        (ToolOutcome.TIMED_OUT, None, "timed_out"),
        (ToolOutcome.UNKNOWN, None, "failed"),
    ],
)  # fmt: skip
def test_every_failure_is_told_as_a_typed_error_and_the_engine_is_asked(
    talk: Talk, outcome: ToolOutcome, result: Json, code: str
) -> None:
    call_id = talk.model_calls("find_order", order="12345")
    talk.finishes(outcome, result)
    assert talk.error_of(call_id) == code
    assert any(isinstance(action, AskEngine) for action in talk.last)


def test_a_failure_may_be_tried_again_with_the_same_key_and_is_then_withdrawn(talk: Talk) -> None:
    for _ in range(MAX_FAILURES + 1):
        talk.model_calls("find_order", order="12345")
        talk.finishes(ToolOutcome.FAILED, {"error": {"code": "http_500", "message": "x"}})
    assert len({run.idempotency_key for run in talk.runs}) == 1
    assert len({run.run_id for run in talk.runs}) == MAX_FAILURES + 1
    assert "find_order" not in [tool["name"] for tool in talk.configured.tools]
    call_id = talk.model_calls("find_order", order="12345")
    assert talk.error_of(call_id) == "unknown_function"


def test_a_tool_whose_end_is_never_reported_times_out(talk: Talk) -> None:
    call_id = talk.model_calls("find_order", order="12345")
    for _ in range(10):
        talk.caller_is_silent()
    assert talk.error_of(call_id) == "timed_out"
    assert talk.runner.step == "menu"


def test_what_was_done_stays_done_when_the_model_repeats_itself(talk: Talk) -> None:
    talk.model_calls("find_order", order="12345")
    talk.finishes(ToolOutcome.OK, {"state": "here"})
    again = talk.model_calls("find_order", order="12345")
    assert talk.outputs[again] == {"state": "here"}
    beside = talk.model_calls("find_order", place=1, order="12345")
    assert talk.outputs[beside] == {"state": "here"}
    assert len(talk.runs) == 1
    talk.engine_says("It is here.")
    talk.model_calls("find_order", order="12345")
    assert len(talk.runs) == 2, "the caller asked anew"


def test_calls_beside_one_that_runs_are_told_to_wait(talk: Talk) -> None:
    first = talk.model_calls("find_order", order="12345")
    other = talk.model_calls("find_order", place=1, order="99999")
    same = talk.model_calls("find_order", place=2, order="12345")
    assert (talk.error_of(other), talk.error_of(same)) == ("busy", "already_running")
    talk.finishes(ToolOutcome.OK, {})
    assert talk.outputs.keys() == {first, other, same}
    assert len(talk.runs) == 1


def test_a_model_in_circles_is_stopped(talk: Talk) -> None:
    for number in range(MAX_CALLS + 1):
        talk.model_calls("find_order", order=f"{number:05d}")
        if talk.runner.step == "menu":
            talk.finishes(ToolOutcome.OK, {})
    assert len(talk.runs) == MAX_CALLS
    assert talk.hung_up is not None
    assert len(talk.outputs) == MAX_CALLS + 1


def test_a_high_risk_call_is_parked_once_and_never_sounds_done(talk: Talk) -> None:
    call_id = talk.model_calls("refund", order="1")
    assert isinstance(talk.running, ParkTool)
    talk.finishes(ToolOutcome.PARKED, {"status": "pending", "approval_id": "appr_1"})
    assert talk.outputs[call_id]["status"] == "pending"
    assert "not done" in talk.outputs[call_id]["message"]
    talk.engine_says("Somebody has to look at it.")
    again = talk.model_calls("refund", order="1")
    assert talk.outputs[again]["status"] == "pending"
    assert sum(isinstance(action, ParkTool) for action in talk.log) == 1


def test_the_caller_may_want_something_else_meanwhile(talk: Talk) -> None:
    call_id = talk.model_calls("find_order", order="12345")
    talk.caller_presses("0")
    assert talk.runner.step == "menu"
    talk.finishes(ToolOutcome.OK, {"state": "here"})
    assert talk.outputs[call_id] == {"state": "here"}
    assert talk.hung_up is not None


@pytest.mark.parametrize("fault", ["bad_json", "not_said"])
def test_arguments_that_cannot_be_used_are_refused_a_few_times_and_then_given_up(
    talk: Talk, fault: str
) -> None:
    for number in range(3):
        talk.feed(EngineCalled(f"bad_{number}", "find_order", {}, fault=fault))
        assert talk.error_of(f"bad_{number}") == "invalid_arguments"
    assert talk.hung_up is not None
    assert not talk.runs


def test_a_result_too_long_for_a_model_is_kept_and_not_shown(talk: Talk) -> None:
    call_id = talk.model_calls("find_order", order="12345")
    long = {"text": "x" * MAX_OUTPUT_BYTES}
    talk.finishes(ToolOutcome.OK, long)
    assert talk.outputs[call_id]["status"] == "ok"
    assert talk.runner.variables["order"] == long


# ---- what the call does by itself --------------------------------------------------------------


def test_a_transfer_happens_once_whatever_the_model_repeats(talk: Talk) -> None:
    call_id = talk.model_calls("to_person", destination="sales", briefing="Wants ten of them.")
    repeated = [talk.model_calls("to_person", place=n, destination="support") for n in range(1, 4)]
    transfers = [action for action in talk.log if isinstance(action, Transfer)]
    assert transfers == [
        Transfer("sip:sales@192.0.2.1", TransferMode.WARM, "A caller of Shop. Wants ten of them.")
    ]
    assert all(talk.outputs[one] == {"status": "ignored"} for one in repeated)
    talk.feed(TransferFinished(is_connected=True, sip_status=200))
    assert talk.outputs[call_id] == {"status": "connected"}
    assert talk.runner.is_over


def test_a_transfer_that_nobody_takes_comes_back_to_the_engine_a_few_times(talk: Talk) -> None:
    for _ in range(MAX_FAILURES + 1):
        call_id = talk.model_calls("to_person", destination="sales")
        talk.feed(TransferFinished(is_connected=False, sip_status=486))
        assert talk.error_of(call_id) == TransferCause.BUSY
        assert any(isinstance(action, AskEngine) for action in talk.last)
    assert "to_person" not in [tool["name"] for tool in talk.configured.tools]


def test_the_model_names_a_destination_and_never_an_address(talk: Talk) -> None:
    for destination in ("sip:evil@198.51.100.1", "+15550100", ""):
        call_id = talk.model_calls("to_person", destination=destination)
        assert talk.error_of(call_id) == "invalid_arguments"
    assert not any(isinstance(action, Transfer) for action in talk.log)


@pytest.mark.parametrize(
    ("outcome", "output"),
    [
        (QueueOutcome.CONNECTED, {"status": "connected"}),
        (QueueOutcome.CALLBACK, {"status": "callback"}),
        (QueueOutcome.TIMEOUT, "timeout"),
        (QueueOutcome.UNAVAILABLE, "unavailable"),
    ],
)
def test_a_queue_says_where_the_caller_stands_and_how_it_ended(
    talk: Talk, outcome: QueueOutcome, output: Any
) -> None:
    call_id = talk.model_calls("wait_in_line")
    assert sum(isinstance(action, Enqueue) for action in talk.log) == 1
    talk.feed(QueuePosition(2))
    assert talk.said == ["You are number 2 in the queue."]
    talk.feed(QueueFinished(outcome, 1000))
    if isinstance(output, str):
        assert talk.error_of(call_id) == output
    else:
        assert talk.outputs[call_id].items() >= output.items()
    assert talk.runner.is_over is (outcome is QueueOutcome.CONNECTED)


def test_the_end_of_the_call_is_said_by_the_flow_and_comes_once(talk: Talk) -> None:
    call_id = talk.model_calls("end_call")
    assert talk.said == ["Goodbye."]
    assert isinstance(talk.last[-1], HangUp)
    talk.model_calls("end_call", place=1)
    assert sum(isinstance(action, HangUp) for action in talk.log) == 1
    assert talk.outputs[call_id] == {"status": "hanging_up"}


def test_digits_are_sent_once_and_only_keys(talk: Talk) -> None:
    talk.model_calls("press", digits="1w2#")
    talk.model_calls("press", place=1, digits="1w2#")
    bad = talk.model_calls("press", place=2, digits="call me")
    assert [action for action in talk.log if isinstance(action, SendDigits)] == [SendDigits("1w2#")]
    assert talk.error_of(bad) == "invalid_arguments"


def test_a_variable_takes_only_what_its_schema_allows_and_the_caller_goes_on(talk: Talk) -> None:
    bad = [
        talk.model_calls("note", place=n, **arguments)
        for n, arguments in enumerate([{"mood": "sad"}, {}, {"account": "1"}])
    ]
    assert [talk.error_of(one) for one in bad] == ["invalid_arguments"] * 3
    fresh = Talk()
    call_id = fresh.model_calls("note", mood="angry")
    assert fresh.outputs[call_id] == {"status": "set"}
    assert fresh.runner.variables["mood"] == "angry"
    assert [type(action) for action in fresh.last[-1:]] == [ListenForCaller]
    assert not any(isinstance(action, AskEngine) for action in fresh.last)


def test_a_message_is_left_after_the_beep_and_the_call_ends(talk: Talk) -> None:
    talk.model_calls("leave_word")
    assert isinstance(talk.last[-1], AwaitBeep)
    talk.feed(BeepHeard(was_heard=True))
    assert [action.text for action in talk.last if isinstance(action, Say)] == ["Call us back."]
    assert talk.hung_up is not None
    assert sum(isinstance(action, Configure) for action in talk.log) == 1
