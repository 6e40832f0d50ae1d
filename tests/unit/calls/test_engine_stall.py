"""An engine that is there and does not answer in the middle of a turn: the next one does."""

from __future__ import annotations

from tests.fakes.realtime import TalkingEngine
from tests.fakes.scene import Scene, scene
from tests.fakes.virtual_time import run_virtual
from tests.fakes.voices import voiced
from tests.unit.calls.test_whole_calls import BALANCE, BALANCE_CALL

from trunkline.domain.call import EndCause
from trunkline.domain.turn import Speaker
from trunkline.model.script import Script
from trunkline.realtime.client_events import ItemCreate, ResponseCreate, SessionUpdate
from trunkline.realtime.items import item_text

STALLS = Script.model_validate(
    {
        "transcripts": ["what is my balance", "four four one"],
        "replies": [{"match": "balance", "text": "Too late.", "delay_ms": 60_000}],
    }
)


def history(call: Scene) -> list[str]:
    told = call.endpoint.sessions[1].told
    return [item_text(event.item) for event in told if isinstance(event, ItemCreate)]


def test_the_open_turn_is_answered_by_the_fallback_with_all_that_was_said() -> None:
    async def play() -> None:
        async with scene(STALLS, fallback_engine="spare") as call:
            call.tools.answers["get_balance"] = BALANCE
            await call.heard("How can I help you")
            call.leg.say(voiced(900))
            await call.leg.until(lambda: "Answer" in call.decisions())
            call.endpoint.engine = TalkingEngine(BALANCE_CALL)
            await call.heard("Sorry, one moment please.")
            await call.heard("account number?")
            assert call.endpoint.asked == ["scripted", "spare"]
            said = history(call)
            assert "what is my balance" in said
            assert any("How can I help you" in text for text in said)
            told = call.endpoint.sessions[1].told
            (update,) = [event for event in told if isinstance(event, SessionUpdate)][:1]
            assert "Brightwater Energy" in str(update.session["instructions"])
            assert "intent_balance" in [tool["name"] for tool in update.session["tools"]]
            kinds = [type(event) for event in told]
            before = kinds[: kinds.index(ResponseCreate)]
            assert before.count(ItemCreate) >= 2, "the answer is asked for with the history there"
            lost = next(line for line in call.log if line["event"] == "engine_lost")
            assert (lost["engine"], lost["code"]) == ("scripted", "engine_timeout")
            call.leg.hang_up_by_caller()
            await call.over()

    run_virtual(play())


def test_a_second_engine_that_does_not_answer_either_ends_in_the_apology() -> None:
    async def play() -> None:
        async with scene(STALLS, fallback_engine="spare") as call:
            await call.heard("How can I help you")
            call.leg.say(voiced(900))
            await call.over()
            assert call.endpoint.asked == ["scripted", "spare"]
            assert "technical problem" in call.said_by(Speaker.AGENT)[-1]
            assert call.end.cause is EndCause.ENGINE_ERROR

    run_virtual(play())
