"""Card numbers on calls: in nothing that is kept, and in no recording."""

from __future__ import annotations

import wave

import numpy as np
import orjson
from tests.fakes.scene import Scene, scene
from tests.fakes.virtual_time import run_virtual
from tests.fakes.voices import voiced
from tests.unit.calls.test_guarded_calls import BYE, SHELF, flow, guard_facts, script

from trunkline.calls.fact_json import document_bytes, encode_fact
from trunkline.domain.events import CallerPartial, ToolRan
from trunkline.domain.turn import Speaker
from trunkline.realtime.client_events import ItemCreate
from trunkline.realtime.items import item_text

CARD = "4111 1111 1111 1111"
SPOKEN_CARD = "four one one one one one one one one one one one one one one one"


def kept(call: Scene) -> bytes:
    facts = b"\n".join(document_bytes(encode_fact(fact)) for fact in call.sink.facts)
    return facts + b"".join(path.read_bytes() for path in call.data_dir.rglob("*.jsonl"))


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
