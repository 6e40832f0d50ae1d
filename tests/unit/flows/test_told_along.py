"""Values that come with a wish: kept for the step that asks for them, and read back there."""

from __future__ import annotations

import pytest
from tests.unit.flows.conversation import Conversation, flow_of

from trunkline.flows.actions import Configure, RunTool
from trunkline.flows.schema.loader import FlowInvalid

FLOW = """\
agent: {name: ferry, display_name: Ferry}
start: menu
keys: {"2": cabin}
intents:
  sail:
    label: a crossing
    description: The caller wants to cross.
    examples: [i want to cross]
    takes: [day, seats]
    goto: trip
  other:
    label: something else
    description: Something else.
    examples: [something else]
    goto: trip
  again: {label: again, description: Again., examples: [again], does: repeat, everywhere: true}
slots:
  day: {kind: date, description: day, ask: "Which day?", dates: future}
  seats: {kind: digits, description: seats, length: 1, ask: "How many seats?", confirm: never}
  secret: {kind: digits, description: pin, length: 4, ask: "Pin?", keypad_only: true, secret: true}
  name: {kind: name, description: name, ask: "Name?"}
tools:
  book:
    description: Book.
    parameters: {type: object, properties: {day: {type: string}, seats: {type: string}}}
    http: {url: "https://ferry.example.org/book"}
steps:
  menu: {say: Hello., listen: {intents: [sail, other]}}
  trip: {collect: [day, seats], next: book, listen: {intents: [sail, other]}}
  cabin: {collect: [seats], next: book}
  book: {tool: book, arguments: {day: "{{ day }}", seats: "{{ seats }}"}, next: menu}
"""


def called() -> Conversation:
    call = Conversation(flow_of(FLOW))
    call.answer()
    return call


def heard(configure: Configure) -> dict[str, object]:
    """Slot to the value that is to be read back, of the step's own function."""
    properties = configure.tools[0]["parameters"]["properties"]
    return {
        name: node["x-trunkline"]["heard"]
        for name, node in properties.items()
        if "heard" in node["x-trunkline"]
    }


def test_a_wish_offers_what_it_takes_to_every_engine() -> None:
    (tool,) = [one for one in called().configured.tools if one["name"] == "intent_sail"]
    properties = tool["parameters"]["properties"]
    assert properties["day"]["format"] == "date"
    assert properties["day"]["x-trunkline"]["dates"] == "future"
    assert "required" not in tool["parameters"]


def test_a_day_is_read_back_and_what_needs_no_confirmation_is_taken() -> None:
    call = called()
    call.engine_reports("intent_sail", day="2026-11-27", seats="4")
    assert call.runner.variables["seats"] == "4"
    assert heard(call.configured) == {"day": "2026-11-27"}
    assert "2026-11-27" in call.configured.tools[0]["description"]
    call.engine_reports("collect_trip", day="2026-11-28")
    assert isinstance(call.running, RunTool)
    assert call.running.arguments == {"day": "2026-11-28", "seats": "4"}


def test_a_value_is_used_once() -> None:
    call = called()
    call.engine_reports("intent_sail", day="2026-11-27")
    call.engine_reports("intent_other")
    assert heard(call.configured) == {}


@pytest.mark.parametrize("day", ["2026-11-01", "soon", 7, None])
def test_what_does_not_fit_is_asked_for_like_anything_else(day: object) -> None:
    call = called()
    call.engine_reports("intent_sail", day=day)
    assert heard(call.configured) == {}


def test_what_was_told_with_one_wish_does_not_serve_the_next() -> None:
    call = called()
    call.engine_reports("intent_sail", day="2026-11-27")
    call.caller_presses("2")
    assert heard(call.configured) == {}


def test_hearing_it_again_forgets_nothing() -> None:
    call = called()
    call.engine_reports("intent_again", day="2026-11-27")
    call.engine_reports("intent_sail", day="2026-11-27")
    assert heard(call.configured) == {"day": "2026-11-27"}


@pytest.mark.parametrize(
    ("takes", "message"),
    [
        ("[dya]", "there is no slot 'dya' under slots; did you mean 'day'?"),
        ("[secret]", "'secret' cannot be told in passing"),
        ("[name]", "'name' cannot be told in passing"),
    ],
)
def test_what_a_wish_cannot_take_is_a_mistake_with_its_line(takes: str, message: str) -> None:
    with pytest.raises(FlowInvalid) as caught:
        flow_of(FLOW.replace("[day, seats]\n    goto", f"{takes}\n    goto"))
    (complaint,) = caught.value.complaints
    assert message in complaint.message
    assert complaint.line == 9
