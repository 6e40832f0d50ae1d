"""The whole language in one flow: what each kind of step and policy does to a call."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.unit.flows.conversation import NOON, Conversation, flow_of

from trunkline.flows.actions import (
    Answerer,
    AwaitBeep,
    BeepHeard,
    CallAnswered,
    Configure,
    DetectVoicemail,
    Enqueue,
    QueueFinished,
    QueueOutcome,
    QueuePosition,
    RunTool,
    SendDigits,
    Transfer,
    TransferFinished,
    TransferMode,
    UseAgent,
    UseEngine,
    VoicemailDetected,
)
from trunkline.flows.runner import FlowRunner
from trunkline.flows.schema.loader import FlowInvalid
from trunkline.flows.secrecy import reveal

CLINIC = """
agent: {name: clinic, display_name: Clinic, engine: cascade, timezone: UTC}
start: hours
calendars:
  office: {weekdays: "08:00-18:00", saturday: closed, holidays: ["2026-12-25"]}
variables: {tries: 0}
before_answer: [{tool: look_up, arguments: {number: "{{ caller_number }}"}, save_as: caller,
                 default: {name: ""}}]
keys: {"0": desk}
intents:
  person: {label: a person, description: A person., examples: [a person], goto: desk,
           everywhere: true}
  pay: {label: paying, description: Paying., examples: [pay my bill], goto: card}
  verify: {label: identity, description: Identity., examples: [it is me], goto: check}
tools:
  look_up:
    description: Who is calling.
    parameters: {type: object, properties: {number: {type: string}}}
    http: {url: "https://clinic.example.org/{{ number }}"}
  charge:
    description: Charge a card.
    parameters: {type: object, properties: {card: {type: string}}, required: [card]}
    http: {url: "https://clinic.example.org/charge", method: POST}
flows:
  identify:
    parameters: [greeting]
    start: ask
    returns: [born]
    steps:
      ask: {say: "{{ greeting }}", collect: {born: {use: date_of_birth}}, next: return}
steps:
  hours: {branch: [{when: open.office, goto: menu}], otherwise: message}
  menu:
    say: How can I help?
    engine: large
    turn_taking: calm
    listen:
      intents: [pay, verify]
      idle: [{after_ms: 4000, say: Take your time.}]
      silence: {after_ms: 5000, goto: queue}
  card: {collect: {card: {use: card_number}}, next: charge}
  charge: {tool: charge, arguments: {card: "{{ card }}"}, next: done}
  check:
    flow: identify
    with: {greeting: Right.}
    returns: {birthday: born}
    next: count
  count: {set: {tries: "{{ tries + 1 }}"}, next: tell}
  tell: {say: "Try {{ tries }}, {{ birthday | say_date }}.", next: press}
  press: {send_digits: "1w2", next: machine}
  machine: {voicemail: {human: menu, machine: beep, unknown: menu}}
  beep: {say: Please call us., after_beep: true, next: done}
  queue:
    say: Please hold.
    queue: {name: desk, targets: ["sip:a@192.0.2.1"], callback_key: "1"}
    on_callback: {say: We will call you., goto: done}
    on_timeout: {goto: desk}
    on_unavailable: {goto: other}
  desk:
    transfer: "sip:desk@192.0.2.7"
    mode: warm
    briefing: "A caller, {{ tries }} tries."
    ring_s: 20
    on_failure: {busy: {say: They are talking., goto: done}, otherwise: {goto: other}}
  other: {handoff: shop, carry: [tries], say: One moment.}
  message: {say: Leave a message., message: left, max_s: 60, next: done}
  done: {say: Goodbye., hang_up: done}
"""
SHOP = """
agent: {name: shop, display_name: Shop, voice: echo}
start: hello
variables: {tries: 0}
intents: {bye: {label: bye, description: Bye., examples: [bye], goto: bye}}
steps:
  hello: {say: "Shop, {{ tries }}.", listen: {intents: [bye]}}
  bye: {hang_up: done}
"""


class Call(Conversation):
    def __init__(self, at: datetime = NOON) -> None:
        super().__init__(flow_of(CLINIC))
        ids = iter(range(1, 1000))
        self.runner = FlowRunner(
            flow_of(CLINIC), {}, lambda: at, mint_run_id=lambda: f"run_{next(ids)}",
            find_agent=lambda name: flow_of(SHOP),
        )  # fmt: skip
        self.feed(CallAnswered())

    def did(self, kind: type) -> list[object]:
        return [action for action in self.last if isinstance(action, kind)]


def test_a_calendar_is_read_from_the_clock() -> None:
    assert Call().steps == ["hours", "menu"]
    assert Call(datetime(2026, 12, 25, 12, tzinfo=UTC)).steps == ["hours", "message"]
    assert Call(datetime(2026, 11, 21, 12, tzinfo=UTC)).steps == ["hours", "message"]


def test_a_step_has_its_engine_and_its_pace() -> None:
    call = Call()
    assert call.did(UseEngine) == [UseEngine("large", "")]
    assert call.configured.hangover_ms == 700
    call.caller_wants("pay")
    assert call.did(UseEngine) == [UseEngine("cascade", "")]


def test_silence_brings_idle_prompts_and_then_a_branch() -> None:
    call = Call()
    assert call.listening.no_input_ms == 4000
    call.caller_is_silent()
    assert call.said == ["Take your time."]
    assert call.listening.no_input_ms == 5000
    call.caller_is_silent()
    assert call.steps[-1] == "queue"
    assert isinstance(call.last[-1], Enqueue)


def test_a_card_is_keyed_in_checked_and_never_in_the_variables() -> None:
    call = Call()
    call.caller_wants("pay")
    assert not [tool for tool in call.configured.tools if "collect" in str(tool["name"])]
    assert call.configured.is_secret
    assert call.listening.digits is not None and call.listening.digits.is_secret
    call.caller_presses("4242424242424241")
    assert call.steps[-1] == "card"
    call.caller_presses("4242424242424242")
    run = next(action for action in call.last if isinstance(action, RunTool))
    assert reveal(run.arguments, run.secrets) == {"card": "4242424242424242"}
    assert "4242" not in repr(call.log)


def test_a_subflow_has_its_own_variables_and_returns_one() -> None:
    call = Call()
    call.caller_wants("verify")
    assert call.steps[-2:] == ["check", "identify.ask"]
    assert "tries" not in call.runner.variables
    call.caller_gives(born="2030-01-01")
    assert call.replies[0].output["error"]["param"] == "born"
    call.caller_presses("24121985")
    call.caller_presses("1")
    assert call.runner.variables["birthday"] == "1985-12-24"
    assert "Try 1, December twenty fourth, nineteen eighty five." in call.said
    assert call.did(SendDigits) == [SendDigits("1w2")]
    assert call.did(DetectVoicemail)
    call.feed(VoicemailDetected(Answerer.MACHINE))
    assert call.did(AwaitBeep)
    call.feed(BeepHeard(was_heard=True))
    assert call.said == ["Please call us.", "Goodbye."]
    assert call.hung_up


def test_a_global_intent_leaves_a_subflow_with_its_variables() -> None:
    call = Call()
    call.caller_wants("verify")
    call.caller_wants("person")
    transfer = call.did(Transfer)[0]
    assert transfer == Transfer(
        "sip:desk@192.0.2.7", TransferMode.WARM, "A caller, 0 tries.", 20_000
    )
    call.feed(TransferFinished(is_connected=False, sip_status=486))
    assert call.said == ["They are talking.", "Goodbye."]


def test_an_unanswered_transfer_hands_over_to_another_agent() -> None:
    call = Call()
    call.caller_presses("0")
    call.feed(TransferFinished(is_connected=False, sip_status=404))
    assert [type(action) for action in call.did(UseAgent)] == [UseAgent]
    assert call.said == ["One moment.", "Shop, 0."]
    assert call.runner.flow.agent.name == "shop"
    call.caller_wants("bye")
    assert call.hung_up


def test_a_queue_tells_the_place_and_ends_once() -> None:
    call = Call()
    call.caller_is_silent()
    call.caller_is_silent()
    call.feed(QueuePosition(2, 90_000))
    assert call.said == ["You are number 2 in the queue."]
    call.feed(QueueFinished(QueueOutcome.CALLBACK, 4000))
    assert call.said == ["We will call you.", "Goodbye."]
    assert call.feed(QueueFinished(QueueOutcome.TIMEOUT, 4000)) == []


def test_a_message_listens_long_and_offers_nothing_else() -> None:
    call = Call(datetime(2026, 11, 22, 12, tzinfo=UTC))
    configured = next(a for a in call.last if isinstance(a, Configure))
    assert (configured.hangover_ms, configured.max_turn_ms) == (2500, 60_000)
    assert [tool["name"] for tool in configured.tools] == ["collect_message"]


def test_what_the_engine_repeats_is_done_once() -> None:
    call = Call()
    call.caller_wants("person")
    assert call.did(Transfer)
    call.engine_reports("intent_person")
    assert not call.did(Transfer)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("open.office", "open.office()", "call is not allowed"),
        ('returns: {birthday: born}', 'returns: {birthday: bron}', "did you mean 'born'"),
        ("with: {greeting: Right.}", "with: {}", "needs the parameter 'greeting'"),
        ("flow: identify", "flow: identity", "did you mean 'identify'"),
        ("use: card_number", "use: card_numbr", "did you mean 'card_number'"),
        ("Goodbye., hang_up", '"{{ card }}", hang_up', "'card' is secret"),
        ("08:00-18:00", "8-18", "are no hours"),
        ("2026-12-25", "25.12.2026", "is no day"),
        ("next: return}", "next: menu}", "there is no step 'menu'"),
        ("carry: [tries]", "carry: [trys]", "did you mean 'tries'"),
        ("next: return}", "next: again}\n      again: {flow: identify, with: {greeting: x}, next: "
         "return}", "comes to itself again"),
    ],
)  # fmt: skip
def test_mistakes_are_named(old: str, new: str, complaint: str) -> None:
    assert old in CLINIC
    with pytest.raises(FlowInvalid, match=complaint):
        flow_of(CLINIC.replace(old, new, 1))
