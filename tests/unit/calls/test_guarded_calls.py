"""Whole calls under guardrails: what callers ask, what engines say, and what is kept of it."""

from __future__ import annotations

import wave
from typing import Any

import numpy as np
import orjson
from tests.fakes.scene import Scene, scene
from tests.fakes.virtual_time import run_virtual
from tests.fakes.voices import voiced

from trunkline.calls.fact_json import document_bytes, encode_fact
from trunkline.domain.events import CallerPartial, EscalationRaised, GuardActed, ToolRan
from trunkline.domain.turn import Speaker, TurnKind
from trunkline.flows.flow import Flow
from trunkline.flows.guard.pack import load_packs
from trunkline.flows.guard.shelf import GuardShelf
from trunkline.flows.schema.loader import load_flow
from trunkline.model.script import Script
from trunkline.realtime.client_events import ItemCreate, ItemDelete, ItemTruncate, ResponseCreate
from trunkline.realtime.items import item_text

PACK = """
pack: house
categories:
  bombs:
    title: Bombs
    input: {action: refuse, line: I can't help with that.}
    output: {action: refuse, line: Let me put that differently.}
    patterns: ['\\bbomb\\b']
  blood:
    title: Blood
    input: {action: escalate, line: I'm telling a person.}
    patterns: ['\\bblood\\b']
  spam:
    title: Spam
    input: {action: end, line: I have to end this call. Goodbye.}
    output: {action: end, line: I have to end this call. Goodbye.}
    patterns: ['\\bspam\\b']
  words:
    title: Words
    input: {action: note}
    patterns: ['\\bdarn\\b']
  numbers:
    title: Numbers
    numbers: true
    input: {action: mask}
    output: {action: redact}
"""
SHELF = GuardShelf(load_packs({"house.yaml": PACK}), None)
CARD = "4111 1111 1111 1111"
SPOKEN_CARD = "four one one one one one one one one one one one one one one one"


def flow(guardrails: str = "{}", say: str = "How can I help?") -> Flow:
    return load_flow(
        f"""
agent: {{name: desk, display_name: Desk}}
start: hello
guardrails: {guardrails}
variables: {{topic: plain}}
tools:
  note:
    description: Note a number.
    parameters: {{type: object, properties: {{number: {{type: string}}}}, required: [number]}}
    http: {{method: POST, url: "https://desk.example.org/n", body: {{number: "{{{{ number }}}}"}}}}
steps:
  hello:
    say: "{say}"
    listen: {{intents: [bye, told], tools: [note]}}
  told:
    set: {{topic: a bomb}}
    next: telling
  telling:
    say: "It is about {{{{ topic }}}}."
    next: hello
  bye: {{say: Goodbye., hang_up: done}}
intents:
  bye: {{label: bye, description: No more., examples: [no thanks], goto: bye}}
  told: {{label: told, description: Tell it., examples: [tell me], goto: told}}
""",
        environment={},
    )


def script(*said: str, **replies: Any) -> Script:
    """The caller says these in turn; ``replies`` by a word of what was said."""
    return Script.model_validate(
        {
            "transcripts": list(said),
            "replies": [
                *({"match": word, **_reply(reply)} for word, reply in replies.items()),
                {"text": "You said {last}."},
            ],
        }
    )


def _reply(reply: Any) -> dict[str, Any]:
    return {"text": reply} if isinstance(reply, str) else {"tool": reply}


BYE = {"name": "intent_bye"}


def guard_facts(call: Scene) -> list[tuple[str, str, str]]:
    return [(one.side, one.category, one.action) for one in call.facts(GuardActed)]


def asked(call: Scene) -> int:
    return sum(isinstance(event, ResponseCreate) for event in call.endpoint.told)


def kept(call: Scene) -> bytes:
    facts = b"\n".join(document_bytes(encode_fact(fact)) for fact in call.sink.facts)
    return facts + b"".join(path.read_bytes() for path in call.data_dir.rglob("*.jsonl"))


def test_what_may_not_be_asked_never_reaches_the_engine_and_the_step_asks_again() -> None:
    async def play() -> None:
        told = script("how do i build a bomb", "no thanks", no=BYE)
        async with scene(told, flow=flow(), guards=SHELF) as call:
            await call.heard("How can I help?")
            call.leg.say(voiced(900))
            await call.heard("I can't help with that.")
            assert asked(call) == 0
            await call.leg.until(lambda: call.said_by(Speaker.AGENT).count("How can I help?") == 2)
            deleted = [one.item_id for one in call.endpoint.told if isinstance(one, ItemDelete)]
            assert len(deleted) == 1
            assert guard_facts(call) == [("input", "bombs", "refuse")]
            assert "how do i build a bomb" in call.said_by(Speaker.CALLER)
            call.leg.say(voiced(600))
            await call.over()
            assert asked(call) == 1

    run_virtual(play())


def test_an_escalated_wish_is_told_to_a_person_and_nothing_is_asked() -> None:
    async def play() -> None:
        async with scene(script("i see blood"), flow=flow(), guards=SHELF) as call:
            await call.heard("How can I help?")
            call.leg.say(voiced(900))
            await call.heard("I'm telling a person.")
            (raised,) = call.facts(EscalationRaised)
            assert (raised.kind, raised.rule) == ("guard", "guard_blood")
            assert asked(call) == 0
            assert call.said_by(Speaker.AGENT).count("How can I help?") == 1
            call.leg.hang_up_by_caller()
            await call.over()

    run_virtual(play())


def test_a_call_may_end_with_a_line() -> None:
    async def play() -> None:
        async with scene(script("buy my spam"), flow=flow(), guards=SHELF) as call:
            await call.heard("How can I help?")
            call.leg.say(voiced(900))
            await call.over()
            assert call.said_by(Speaker.AGENT)[-1] == "I have to end this call. Goodbye."
            assert asked(call) == 0

    run_virtual(play())


def test_what_is_only_noted_changes_nothing_else() -> None:
    async def play() -> None:
        told = script("darn it all", "no thanks", no=BYE)
        async with scene(told, flow=flow(), guards=SHELF) as call:
            await call.heard("How can I help?")
            call.leg.say(voiced(900))
            await call.heard("You said darn it all.")
            assert guard_facts(call) == [("input", "words", "note")]
            call.leg.say(voiced(600))
            await call.over()

    run_virtual(play())


def test_a_flow_that_judges_nothing_lets_everything_pass() -> None:
    async def play() -> None:
        told = script("how do i build a bomb", "no thanks", no=BYE, build="With a bomb kit.")
        async with scene(told, flow=flow("{packs: []}"), guards=SHELF) as call:
            await call.heard("How can I help?")
            call.leg.say(voiced(900))
            await call.heard("With a bomb kit.")
            assert guard_facts(call) == []
            call.leg.say(voiced(600))
            await call.over()

    run_virtual(play())


def test_the_line_and_the_action_may_be_the_flows_own() -> None:
    async def play() -> None:
        own = "{categories: {bombs: {input: {action: end, line: Not here. Goodbye.}}}}"
        async with scene(script("a bomb please"), flow=flow(own), guards=SHELF) as call:
            await call.heard("How can I help?")
            call.leg.say(voiced(900))
            await call.over()
            assert call.said_by(Speaker.AGENT)[-1] == "Not here. Goodbye."

    run_virtual(play())


def test_a_caller_who_goes_on_and_on_is_not_refused_for_ever() -> None:
    async def play() -> None:
        async with scene(script("a bomb please"), flow=flow(), guards=SHELF) as call:
            for times in range(1, 6):
                await call.leg.until(
                    lambda n=times: call.said_by(Speaker.AGENT).count("How can I help?") == n  # type: ignore[misc]
                )
                call.leg.say(voiced(900))
            await call.over()
            assert asked(call) == 0

    run_virtual(play())


def test_a_blocked_clause_is_never_played_and_what_was_fine_is_said_to_its_end() -> None:
    async def play() -> None:
        answer = "That is easy. Then build a bomb, and light it. Anything else?"
        told = script("what then", "no thanks", no=BYE, what=answer)
        async with scene(told, flow=flow(), guards=SHELF) as call:
            await call.heard("How can I help?")
            before = len(call.leg.written)
            call.leg.say(voiced(700))
            await call.heard("Let me put that differently.")
            said = call.said_by(Speaker.AGENT)
            assert said[1:] == ["That is easy.", "Let me put that differently."]
            written = len(call.leg.written) - before
            assert written // 16 <= (3 + 5) * 250  # three words, and the five of the line
            assert guard_facts(call) == [("output", "bombs", "refuse")]
            (fact,) = call.facts(GuardActed)
            assert fact.text == "Then build a bomb,"
            truncated = [one for one in call.endpoint.told if isinstance(one, ItemTruncate)]
            assert [one.audio_end_ms for one in truncated] == [750]
            replies = [turn for turn in call.turns if turn.kind is TurnKind.REPLY]
            assert [turn.generated_text for turn in replies] == ["That is easy."]
            assert all("bomb" not in word.text for turn in replies for word in turn.words)
            call.leg.say(voiced(600))
            await call.over()

    run_virtual(play())


def test_an_answer_that_is_blocked_from_its_first_word_leaves_the_engines_history() -> None:
    async def play() -> None:
        told = script("what then", "no thanks", no=BYE, what="Build a bomb.")
        async with scene(told, flow=flow(), guards=SHELF) as call:
            await call.heard("How can I help?")
            call.leg.say(voiced(700))
            await call.heard("Let me put that differently.")
            deleted = {one.item_id for one in call.endpoint.told if isinstance(one, ItemDelete)}
            assert len(deleted) == 1
            assert not any(isinstance(one, ItemTruncate) for one in call.endpoint.told)
            call.leg.say(voiced(600))
            await call.over()
            assert "bomb" not in " ".join(call.said_by(Speaker.AGENT))

    run_virtual(play())


def test_an_engine_may_end_the_call_by_what_it_says() -> None:
    async def play() -> None:
        told = script("what then", what="Here is some spam for you.")
        async with scene(told, flow=flow(), guards=SHELF) as call:
            await call.heard("How can I help?")
            call.leg.say(voiced(700))
            await call.over()
            assert call.said_by(Speaker.AGENT)[-1] == "I have to end this call. Goodbye."

    run_virtual(play())


def test_a_value_cannot_make_a_flow_say_what_is_blocked() -> None:
    async def play() -> None:
        told = script("tell me", "no thanks", tell={"name": "intent_told"}, no=BYE)
        async with scene(told, flow=flow(), guards=SHELF) as call:
            await call.heard("How can I help?")
            call.leg.say(voiced(700))
            await call.heard("Let me put that differently.")
            assert "It is about a bomb." not in call.said_by(Speaker.AGENT)
            assert guard_facts(call) == [("output", "bombs", "refuse")]
            call.leg.hang_up_by_caller()
            await call.over()

    run_virtual(play())


def test_what_the_flows_author_wrote_is_said() -> None:
    async def play() -> None:
        one = flow(say="This is the bomb squad of {{ topic }} town.")
        async with scene(script("no thanks", no=BYE), flow=one, guards=SHELF) as call:
            await call.heard("This is the bomb squad of plain town.")
            call.leg.say(voiced(600))
            await call.over()
            assert guard_facts(call) == []

    run_virtual(play())


def caller_and_agent(call: Scene) -> np.ndarray[tuple[int, int], np.dtype[np.int16]]:
    (path,) = call.data_dir.rglob("*.wav")
    with wave.open(str(path)) as recording:
        both = np.frombuffer(recording.readframes(recording.getnframes()), dtype="<i2")
    return np.asarray(both.reshape(-1, 2))


def test_a_card_number_is_in_nothing_that_is_kept_and_not_in_the_recording() -> None:
    async def play() -> None:
        told = script(
            f"my card is {SPOKEN_CARD}",
            "no thanks",
            card={"name": "note", "arguments": {"number": CARD}},
            no=BYE,
        )
        async with scene(told, flow=flow(), guards=SHELF) as call:
            call.tools.answers["note"] = {"noted": CARD}
            await call.heard("How can I help?")
            call.leg.say(voiced(4000))
            await call.leg.until(lambda: bool(call.facts(ToolRan)))
            assert [dict(given) for _, given, _ in call.tools.ran] == [{"number": CARD}]
            call.leg.hang_up_by_caller()
            await call.over()
            written = kept(call)
            for secret in (CARD.encode(), b"four one one one one one", b"4111"):
                assert secret not in written
            (turn,) = [one for one in call.turns if one.speaker is Speaker.CALLER]
            assert turn.text == "my card is [number]"
            assert all(
                "one one one one one one" not in one.text for one in call.facts(CallerPartial)
            )
            both = caller_and_agent(call)
            first, last = turn.started_ms * 8 + 400, turn.ended_ms * 8 - 400
            assert 0 < int(np.abs(both[first:last, 0].astype(int)).max()) <= 16
            assert guard_facts(call) == [("input", "numbers", "mask")]

    run_virtual(play())


def test_redacting_gives_the_engine_the_words_without_the_number() -> None:
    async def play() -> None:
        own = "{categories: {numbers: {input: redact}}}"
        told = script(f"my card is {CARD}", "no thanks", no=BYE)
        async with scene(told, flow=flow(own), guards=SHELF) as call:
            await call.heard("How can I help?")
            call.leg.say(voiced(2000))
            await call.heard("You said my card is [number].")
            created = [
                item_text(one.item) for one in call.endpoint.told if isinstance(one, ItemCreate)
            ]
            assert "my card is [number]" in created
            assert b"1111 1111" not in kept(call)
            call.leg.say(voiced(600))
            await call.over()

    run_virtual(play())


def test_a_number_in_two_breaths_is_taken_out_of_both() -> None:
    async def play() -> None:
        halves = ("it is 4111 1111", "1111 1111", "no thanks")
        async with scene(script(*halves, no=BYE), flow=flow(), guards=SHELF) as call:
            await call.heard("How can I help?")
            call.leg.say(voiced(1200))
            await call.heard("You said it is 4111 1111.")
            call.leg.say(voiced(1200))
            await call.leg.until(lambda: len(call.said_by(Speaker.CALLER)) >= 3)
            latest = {turn.turn_id: turn.text for turn in call.turns}
            texts = [latest[one.turn_id] for one in call.turns if one.speaker is Speaker.CALLER]
            assert texts[-1] == "[number]" and texts[0] == "it is [number]"
            call.leg.hang_up_by_caller()
            await call.over()
            log = [orjson.dumps(line) for line in call.log if line["event"] == "number_hidden"]
            assert log

    run_virtual(play())


def test_an_engine_that_reads_a_card_out_is_stopped() -> None:
    async def play() -> None:
        told = script("what then", "no thanks", no=BYE, what=f"It is {CARD}. Right?")
        async with scene(told, flow=flow(), guards=SHELF) as call:
            await call.heard("How can I help?")
            call.leg.say(voiced(700))
            await call.heard("I'm sorry, I can't help with that.")
            assert guard_facts(call) == [("output", "numbers", "redact")]
            assert b"1111 1111" not in kept(call)
            call.leg.say(voiced(600))
            await call.over()

    run_virtual(play())
