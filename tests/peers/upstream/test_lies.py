"""Far ends that hang, lie, break off and refuse."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from tests.peers.upstream.conftest import upstream
from tests.peers.upstream.liar import Liar, Play, error, far_end, until
from tests.peers.upstream.talk import Talk, ended, talking, text_of

from trunkline.domain.errors import EngineError
from trunkline.model.engine import ResponseRequest, Transcribed, TranscriptionFailed

pytestmark = pytest.mark.peers
QUICK: dict[str, Any] = {
    "first_event_timeout_s": 1.0,
    "part_timeout_s": 1.0,
    "transcription_timeout_s": 2.0,
}


async def asked(talk: Talk, text: str = "hello") -> str:
    talk.user(text)
    return text_of(await talk.ask())


# ---- what is passed over -------------------------------------------------------------------------


async def test_noise_around_a_response_changes_nothing_of_it() -> None:
    async def noisy(liar: Liar, create: dict[str, Any]) -> None:
        await liar.send("response.surprised", response_id="r0")
        await liar.send("rate_limits.updated", rate_limits=[{"name": "wishes", "limit": "many"}])
        await liar.text("r_unknown", "Not mine. ")
        await liar.done("r_unknown")
        await liar.send("input_audio_buffer.committed", item_id="nobody")
        await liar.send("conversation.item.deleted", item_id="never_was")
        await liar.send("response.output_text.delta", response_id=7, delta=None)
        await liar.begin(create, "r1")
        await liar.text("r1", "All ")
        await liar.begin({}, "r2")  # nobody asked for this one
        await liar.text("r2", "Listen to me! ")
        await liar.text("r1", "is well.")
        await liar.done("r1")
        await liar.text("r1", "And another thing.")
        await liar.done("r1")

    async with (
        far_end({"response.create": noisy}) as den,
        upstream(den.base_url) as engine,
        talking(engine) as talk,
    ):
        assert await asked(talk) == "All is well."
        assert await asked(talk) == "All is well."
        (liar,) = den.liars
        await until(lambda: len(liar.of("response.cancel")) == 2)
        assert {event["response_id"] for event in liar.of("response.cancel")} == {"r2"}


async def test_deltas_after_a_cancel_are_nobodys() -> None:
    async def endless(liar: Liar, create: dict[str, Any]) -> None:
        await liar.begin(create, "r1")
        await liar.text("r1", "So ")

    async def late(liar: Liar, cancel: dict[str, Any]) -> None:
        for _ in range(5):
            await liar.text("r1", "and so ")
        await liar.done("r1", "cancelled")
        liar._plays.pop("response.create")

    async with (
        far_end({"response.create": endless, "response.cancel": late}) as den,
        upstream(den.base_url) as engine,
        talking(engine) as talk,
    ):
        talk.user("hello")
        answer = talk.session.respond(ResponseRequest("r", tuple(talk.items), talk.config))
        assert text_of([await anext(answer)]) == "So "
        await answer.aclose()  # type: ignore[attr-defined]
        assert await asked(talk, "and now") == "All is well."
        assert len(den.liars) == 1


async def test_a_far_end_without_metadata_is_answered_for_in_order() -> None:
    async def forgetful(liar: Liar, create: dict[str, Any]) -> None:
        await liar.answer({}, "All is well.")

    async with (
        far_end({"response.create": forgetful}) as den,
        upstream(den.base_url) as engine,
        talking(engine) as talk,
    ):
        assert await asked(talk) == "All is well."


# ---- what costs the session and not the conversation ---------------------------------------------


async def _hangs(liar: Liar, create: dict[str, Any]) -> None:
    return


async def _stops(liar: Liar, create: dict[str, Any]) -> None:
    await liar.begin(create, "r1")


async def _babbles(liar: Liar, create: dict[str, Any]) -> None:
    await liar.raw("this is {not json")


async def _shouts(liar: Liar, create: dict[str, Any]) -> None:
    for _ in range(30):
        await liar.send("response.done", response="done!")


async def _leaves(liar: Liar, create: dict[str, Any]) -> None:
    await liar._connection.close(1011, "secret words")


async def _expires(liar: Liar, create: dict[str, Any]) -> None:
    await liar.send("error", error={"type": "x", "code": "session_expired", "message": "over"})


@pytest.mark.parametrize("play", [_hangs, _stops, _babbles, _shouts, _leaves, _expires])
async def test_a_far_end_that_fails_before_a_word_is_asked_again_in_a_new_session(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        far_end({"response.create": play}, {}) as den,
        upstream(den.base_url, **QUICK) as engine,
        talking(engine) as talk,
    ):
        await talk.say()
        assert await asked(talk) == "All is well."
        assert len(den.liars) == 2
        told, *_ = den.liars[1].of("conversation.item.create")
        assert told["item"]["content"] == [{"type": "input_text", "text": "hello there"}]
    assert "secret words" not in caplog.text


async def test_a_far_end_that_breaks_off_after_a_word_is_not_asked_again() -> None:
    async def breaks(liar: Liar, create: dict[str, Any]) -> None:
        await liar.begin(create, "r1")
        await liar.text("r1", "All ")
        await liar._connection.close(1011)

    async with (
        far_end({"response.create": breaks}, {}) as den,
        upstream(den.base_url, **QUICK) as engine,
        talking(engine) as talk,
    ):
        with pytest.raises(EngineError) as caught:
            await asked(talk)
        assert caught.value.code == "upstream_lost"
        assert await asked(talk) == "All is well."  # the session after it


# ---- what is told as it is -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "ours"),
    [
        ("insufficient_quota", "upstream_quota"),
        ("invalid_value", "upstream_refused"),
        ("<script>", "upstream_refused"),
    ],
)
async def test_an_error_is_its_requests_and_its_words_stay_there(
    code: str, ours: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuses(liar: Liar, create: dict[str, Any]) -> None:
        await liar.send("error", error=error(create, code))

    async with (
        far_end({"response.create": refuses}) as den,
        upstream(den.base_url, **QUICK) as engine,
        talking(engine) as talk,
    ):
        with pytest.raises(EngineError) as caught:
            await asked(talk)
        assert len(den.liars) == 1
    assert caught.value.code == ours
    assert not caught.value.retryable
    assert "secret" not in caught.value.message + caplog.text
    assert "<script>" not in caught.value.message + caplog.text


async def test_a_session_that_is_refused_is_refused_at_the_door() -> None:
    async def refuses(liar: Liar, update: dict[str, Any]) -> None:
        await liar.send("error", error=error(update, "invalid_value"))

    async with far_end({"session.update": refuses}) as den, upstream(den.base_url) as engine:
        with pytest.raises(EngineError) as caught:
            async with talking(engine):
                pass
    assert caught.value.code == "upstream_refused"


@pytest.mark.parametrize(
    "arguments", ["{broken", "[1]", '"text"'], ids=["no json", "a list", "a string"]
)
async def test_a_call_without_an_object_is_never_made(arguments: str) -> None:
    async def calls(liar: Liar, create: dict[str, Any]) -> None:
        await liar.begin(create, "r1")
        item = {
            "id": "i1", "type": "function_call", "name": "get_balance", "call_id": "c1",
            "status": "completed", "arguments": arguments,
        }  # fmt: skip
        await liar.send("response.output_item.done", response_id="r1", output_index=0, item=item)

    async with (
        far_end({"response.create": calls}) as den,
        upstream(den.base_url, **QUICK) as engine,
        talking(engine) as talk,
    ):
        with pytest.raises(EngineError) as caught:
            await asked(talk)
    assert caught.value.code == "engine_protocol_error"


async def test_usage_goes_through_as_it_was_told() -> None:
    usage = {
        "total_tokens": 30, "input_tokens": 20, "output_tokens": 10,
        "input_token_details": {
            "text_tokens": 12, "audio_tokens": 8, "cached_tokens": 6,
            "cached_tokens_details": {"text_tokens": 5, "audio_tokens": 1},
        },
        "output_token_details": {"text_tokens": 3, "audio_tokens": 7},
    }  # fmt: skip

    async def counts(liar: Liar, create: dict[str, Any]) -> None:
        await liar.begin(create, "r1")
        await liar.text("r1", "Yes.")
        await liar.done("r1", usage=usage)

    async with (
        far_end({"response.create": counts}) as den,
        upstream(den.base_url) as engine,
        talking(engine) as talk,
    ):
        talk.user("hello")
        end = ended(await talk.ask())
    assert end.input_tokens == {"text": 12, "audio": 8, "cached_text": 5, "cached_audio": 1}
    assert end.output_tokens == {"text": 3, "audio": 7}


async def test_a_turn_that_is_never_understood_has_an_end() -> None:
    async def deaf(liar: Liar, commit: dict[str, Any]) -> None:
        await liar.send("input_audio_buffer.committed", item_id="a1")

    async with (
        far_end({"input_audio_buffer.commit": deaf}) as den,
        upstream(den.base_url, **QUICK) as engine,
        talking(engine) as talk,
    ):
        heard = await talk.understood(talk.speak(0.3))
        assert isinstance(heard[-1], TranscriptionFailed)
        assert heard[-1].code == "upstream_silent"


async def test_words_told_without_times_are_placed_by_the_pace_of_speech() -> None:
    """The transcript comes at once, the audio behind it: its words are not heard at once."""
    text = "One two three four five six seven eight nine ten."

    async def speaks(liar: Liar, create: dict[str, Any]) -> None:
        await liar.begin(create, "r1")
        common = {"response_id": "r1", "item_id": "i1", "output_index": 0, "content_index": 0}
        for at in range(0, len(text), 7):
            await liar.send(
                "response.output_audio_transcript.delta", **common, delta=text[at : at + 7]
            )
        for _ in range(33):
            audio = base64.b64encode(bytes(4800)).decode()
            await liar.send("response.output_audio.delta", **common, delta=audio)
        item = {
            "id": "i1", "type": "message", "role": "assistant", "status": "completed",
            "content": [{"type": "output_audio", "transcript": text}],
        }  # fmt: skip
        await liar.send("response.output_item.done", response_id="r1", output_index=0, item=item)
        await liar.done("r1")

    async with (
        far_end({"response.create": speaks}) as den,
        upstream(den.base_url) as engine,
        talking(engine) as talk,
    ):
        talk.user("count")
        parts = await talk.ask()
        assert text_of(parts) == text
        marks = [word for part in parts for word in getattr(part, "words", ())]
        assert [mark.text for mark in marks] == text.split()
        assert all(mark.is_estimated for mark in marks)
        assert marks[-1].start_ms == pytest.approx(3000, abs=300)
        # Only five words were heard: the far end is told where to cut.
        talk.items.pop()
        talk.hear(parts, heard="One two three four five")
        await asked(talk)
        (cut,) = den.liars[0].of("conversation.item.truncate")
        assert cut["item_id"] == "i1"
        assert cut["audio_end_ms"] == marks[4].end_ms


async def test_a_short_turn_is_filled_up_and_a_dropped_one_taken_out() -> None:
    async with far_end({}) as den, upstream(den.base_url) as engine, talking(engine) as talk:
        (liar,) = den.liars
        heard = await talk.understood(talk.speak(0.04))
        assert isinstance(heard[-1], Transcribed)
        sizes = [len(base64.b64decode(e["audio"])) for e in liar.of("input_audio_buffer.append")]
        assert sum(sizes) == 4800
        dropped = talk.speak(0.2)
        talk.session.drop_turn(dropped)
        await until(lambda: bool(liar.of("conversation.item.delete")))
        running = talk.speak(0.2, ends=False)
        talk.session.drop_turn(running)
        await until(lambda: bool(liar.of("input_audio_buffer.clear")))
