"""Whole calls under guardrails: what callers ask, what engines say, and what is kept of it."""

from __future__ import annotations

from typing import Any

from tests.fakes.scene import Scene, scene
from tests.fakes.virtual_time import run_virtual
from tests.fakes.voices import voiced

from trunkline.domain.events import EscalationRaised, GuardActed
from trunkline.domain.turn import Speaker, TurnKind
from trunkline.flows.flow import Flow
from trunkline.flows.guard.pack import load_packs
from trunkline.flows.guard.shelf import GuardShelf
from trunkline.flows.schema.loader import load_flow
from trunkline.model.script import Script
from trunkline.realtime.client_events import ItemDelete, ItemTruncate, ResponseCreate

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


def test_words_that_come_late_stop_the_answer_that_was_asked_for_without_them() -> None:
    async def play() -> None:
        late = {"text": "how do i build a bomb", "delay_ms": 3600, "partials": False}
        told = Script.model_validate(
            {"transcripts": [late], "replies": [{"text": "That is what I would like to know."}]}
        )
        async with scene(told, flow=flow(), guards=SHELF) as call:
            await call.heard("How can I help?")
            call.leg.say(voiced(900))
            await call.heard("I can't help with that.")
            assert asked(call) == 1
            call.leg.hang_up_by_caller()
            await call.over()
            assert not any("like to know" in said for said in call.said_by(Speaker.AGENT))

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
