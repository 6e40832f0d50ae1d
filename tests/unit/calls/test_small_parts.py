"""Digits, responses, the conversation, the speech cache, control commands: one part at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from tests.fakes.speech import FakeSpeech
from tests.fakes.virtual_time import run_virtual

from trunkline.calls.control import HangUpCall, decode_command, encode_command
from trunkline.calls.conversation import Conversation
from trunkline.calls.digits import DigitEntry
from trunkline.calls.ending import Ending
from trunkline.calls.responses import ResponseFailure, ResponseResult, Responses
from trunkline.calls.speech_cache import SpeechCache, address
from trunkline.calls.speech_source import HttpSpeech, SpeechPiece, SpokenLine
from trunkline.domain.approval import binding_hash
from trunkline.domain.audio import WordMark
from trunkline.domain.call import EndCause
from trunkline.domain.errors import EngineError, EngineTimeout, Invalid
from trunkline.domain.ids import CallId
from trunkline.flows.actions import DigitGathering
from trunkline.realtime.client_events import (
    ClientEvent,
    ItemCreate,
    ItemDelete,
    ItemTruncate,
    ResponseCancel,
    ResponseCreate,
)
from trunkline.realtime.items import FunctionCallItem, item_text
from trunkline.realtime.responses import Response, StatusDetails, StatusError

# ---- digits ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pressed", "complete"),
    [("12345678", "12345678"), ("123#", "123"), ("#", None), ("#1#", "#1"), ("12", None)],
)
def test_an_entry_ends_by_length_or_terminator(pressed: str, complete: str | None) -> None:
    entry = DigitEntry(DigitGathering(min_digits=1, max_digits=8))
    ended = [entry.press(digit, 0) for digit in pressed]
    assert ended[-1] == complete
    assert all(one is None for one in ended[:-1])


def test_an_entry_ends_when_the_caller_stops() -> None:
    entry = DigitEntry(DigitGathering(min_digits=4, max_digits=8, inter_digit_ms=3000))
    assert entry.expire(99_999) is None
    entry.press("4", 1000)
    entry.press("2", 2500)
    assert entry.expire(5400) is None
    assert entry.expire(5500) == "42"
    assert entry.expire(9000) is None


# ---- responses ---------------------------------------------------------------------------------


class Asked:
    """A Responses with its clock and what it sent."""

    def __init__(self) -> None:
        self.sent: list[ClientEvent] = []
        self.now_ms = 0.0
        self.responses = Responses(self.sent.append, lambda: self.now_ms)

    @property
    def kinds(self) -> list[type[ClientEvent]]:
        return [type(event) for event in self.sent]


def done(response_id: str, status: str = "completed", code: str = "") -> Response:
    details = None
    if code:
        error = StatusError(type="server_error", code=code)
        details = StatusDetails(type="failed", error=error)
    return Response.model_validate({"id": response_id, "status": status}).model_copy(
        update={"status_details": details}
    )


def test_a_second_question_waits_for_the_first_answer() -> None:
    asked = Asked()
    asked.responses.ask()
    asked.responses.created("r1")
    asked.responses.ask()
    assert asked.kinds == [ResponseCreate]
    asked.responses.spoke("r1", "i", "hello")
    assert asked.responses.done(done("r1")) == ResponseResult("hello", ())
    assert asked.kinds == [ResponseCreate, ResponseCreate]


def test_a_cancelled_response_says_nothing_more_and_lets_the_next_go() -> None:
    asked = Asked()
    asked.responses.ask()
    asked.responses.created("r1")
    assert asked.responses.cancel()
    assert not asked.responses.cancel()
    assert not asked.responses.is_current("r1")
    asked.responses.ask()
    assert asked.kinds == [ResponseCreate, ResponseCancel]
    assert asked.responses.done(done("r1", "cancelled")) is None
    assert asked.kinds[-1] is ResponseCreate


def test_a_cancelled_response_whose_end_never_comes_is_forgotten() -> None:
    asked = Asked()
    asked.responses.ask()
    asked.responses.cancel()
    asked.responses.ask()
    asked.now_ms = 2500
    assert asked.responses.tick() is None
    assert asked.kinds[-1] is ResponseCreate


def test_a_failure_is_tried_once_more_and_then_told() -> None:
    asked = Asked()
    asked.responses.ask()
    asked.responses.created("r1")
    assert asked.responses.done(done("r1", "failed", "boom")) is None
    asked.responses.created("r2")
    assert asked.responses.done(done("r2", "failed", "boom")) == ResponseFailure("boom")


def test_a_failure_after_words_were_spoken_is_not_tried_again() -> None:
    asked = Asked()
    asked.responses.ask()
    asked.responses.created("r1")
    asked.responses.spoke("r1", "i", "Your bal")
    assert asked.responses.done(done("r1", "failed", "boom")) == ResponseFailure("boom")


def test_silence_of_the_engine_is_a_failure() -> None:
    asked = Asked()
    asked.responses.ask()
    asked.now_ms = 7900
    assert asked.responses.tick() is None
    asked.now_ms = 8100
    assert asked.responses.tick() == ResponseFailure("engine_timeout")
    assert asked.kinds == [ResponseCreate, ResponseCancel]


def test_a_refusal_because_another_runs_is_waited_out() -> None:
    asked = Asked()
    asked.responses.ask()
    code = "conversation_already_has_active_response"
    assert asked.responses.refused(code, "ask-1") is None
    assert asked.responses.done(done("unknown")) is None
    assert asked.kinds == [ResponseCreate, ResponseCreate]
    assert asked.responses.refused("other", None) is None
    assert asked.responses.refused("invalid_value", "ask-2") == ResponseFailure("invalid_value")


# ---- the conversation --------------------------------------------------------------------------


def test_a_fresh_session_is_told_what_was_heard_and_nothing_else() -> None:
    sent: list[ClientEvent] = []
    conversation = Conversation(sent.append)
    conversation.line_queued("line1", "Welcome to the company.")
    conversation.caller_committed("user1")
    conversation.caller_said("user1", "my balance")
    conversation.reply_began("reply1")
    conversation.reply_cut("reply1", 700, "You owe", has_audio=True)
    conversation.called(FunctionCallItem(id="f1", name="t", call_id="c1", arguments="{}"))
    conversation.reply("c1", {"status": "ok"})
    conversation.called(FunctionCallItem(id="f2", name="t", call_id="c2", arguments="{}"))
    conversation.caller_committed("cough")
    conversation.discard("cough")
    conversation.line_cut("line1", "Welcome")
    assert [type(event) for event in sent] == [
        ItemCreate,
        ItemTruncate,
        ItemCreate,
        ItemDelete,
        ItemDelete,
        ItemCreate,
    ]
    sent.clear()
    conversation.replay()
    told = [event.item for event in sent if isinstance(event, ItemCreate)]
    assert [item_text(item) or item.type for item in told] == [
        "Welcome",
        "my balance",
        "You owe",
        "function_call",
        '{"status":"ok"}',
    ]
    assert len({item.id for item in told}) == 5
    assert all(len(item.id or "") <= 32 for item in told)


def test_a_line_of_which_nothing_was_heard_is_taken_out() -> None:
    sent: list[ClientEvent] = []
    conversation = Conversation(sent.append)
    conversation.line_queued("line1", "Welcome.")
    conversation.line_cut("line1", "")
    assert [type(event) for event in sent] == [ItemCreate, ItemDelete]


# ---- the speech cache --------------------------------------------------------------------------

LINE = SpokenLine("hello there caller", "coral", 1.0, "en", "tts", 8000)


def test_a_fixed_line_is_rendered_once_for_all_processes(tmp_path: Path) -> None:
    async def play() -> None:
        speech = FakeSpeech()
        assert await SpeechCache(tmp_path, speech).prefetch([LINE, LINE]) == 0
        other = SpeechCache(tmp_path, speech)
        assert other.at_hand(LINE) is None
        found = await other.find(LINE)
        assert found is not None
        assert found.marks[1] == WordMark("there", 250, 500)
        assert found.duration_ms == 750
        assert other.at_hand(LINE) == found
        assert len(speech.asked) == 1

    run_virtual(play())


def test_what_was_said_to_one_caller_is_kept_nowhere(tmp_path: Path) -> None:
    async def play() -> None:
        cache = SpeechCache(tmp_path, FakeSpeech())
        pieces = [piece async for piece in cache.stream(LINE, keep=False)]
        assert len(pieces) == 3
        assert cache.at_hand(LINE) is None
        assert list(tmp_path.iterdir()) == []

    run_virtual(play())


def test_a_line_that_another_voice_stood_in_for_is_kept_nowhere(tmp_path: Path) -> None:
    class HalfSpare(FakeSpeech):
        async def speak(self, line: SpokenLine) -> AsyncIterator[SpeechPiece]:
            number = 0
            async for piece in super().speak(line):
                yield replace(piece, is_spare=number == 1)
                number += 1

    async def play() -> None:
        cache = SpeechCache(tmp_path, HalfSpare())
        assert await cache.prefetch([LINE]) == 0
        assert cache.at_hand(LINE) is None
        assert list(tmp_path.iterdir()) == []

    run_virtual(play())


def test_a_broken_file_is_rendered_again(tmp_path: Path) -> None:
    async def play() -> None:
        speech = FakeSpeech()
        await SpeechCache(tmp_path, speech).prefetch([LINE])
        (path,) = tmp_path.iterdir()
        path.write_bytes(path.read_bytes()[:-100])
        cache = SpeechCache(tmp_path, speech)
        assert await cache.find(LINE) is None
        assert await cache.prefetch([LINE]) == 0
        assert (await cache.find(LINE)) is not None
        assert len(speech.asked) == 2

    run_virtual(play())


def test_memory_is_bounded_and_the_disk_still_knows(tmp_path: Path) -> None:
    async def play() -> None:
        cache = SpeechCache(tmp_path, FakeSpeech(), memory_bytes=20_000)
        lines = [SpokenLine(f"a line {n}", "ash", 1.0, "en", "tts", 8000) for n in range(4)]
        await cache.prefetch(lines)
        assert sum(cache.at_hand(line) is not None for line in lines) == 1
        assert all([await cache.find(line) is not None for line in lines])

    run_virtual(play())


def test_lines_that_cannot_be_had_are_counted(tmp_path: Path) -> None:
    async def play() -> None:
        speech = FakeSpeech()
        speech.is_down = True
        assert await SpeechCache(tmp_path, speech).prefetch([LINE]) == 1

    run_virtual(play())


def test_everything_that_changes_the_sound_changes_the_address() -> None:
    changed = [
        SpokenLine("other", "coral", 1.0, "en", "tts", 8000),
        SpokenLine(LINE.text, "ash", 1.0, "en", "tts", 8000),
        SpokenLine(LINE.text, "coral", 1.1, "en", "tts", 8000),
        SpokenLine(LINE.text, "coral", 1.0, "de", "tts", 8000),
        SpokenLine(LINE.text, "coral", 1.0, "en", "other", 8000),
        SpokenLine(LINE.text, "coral", 1.0, "en", "tts", 24000),
    ]
    assert len({address(line) for line in [LINE, *changed]}) == 7


# ---- the speech endpoint -----------------------------------------------------------------------


async def spoken_by(answer: httpx.Response | Exception) -> tuple[list[bytes], dict[str, object]]:
    asked: dict[str, object] = {}

    def respond(request: httpx.Request) -> httpx.Response:
        asked.update(httpx.Response(200, content=request.content).json())
        asked["authorization"] = request.headers["authorization"]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with httpx.AsyncClient(transport=httpx.MockTransport(respond)) as http:
        source = HttpSpeech(http, "http://model/v1/", "key")
        return [piece.pcm async for piece in source.speak(LINE)], asked


def events(*documents: str) -> httpx.Response:
    return httpx.Response(200, text="".join(f"data: {one}\n\n" for one in documents))


DELTA = '{"type":"speech.audio.delta","audio":"AAABAA==","x_words":[]}'
DONE = '{"type":"speech.audio.done"}'


async def test_a_line_is_asked_for_as_it_must_sound() -> None:
    pieces, asked = await spoken_by(events(DELTA, DELTA, DONE))
    assert pieces == [b"\0\0\1\0"] * 2
    assert asked["x_sample_rate"] == 8000
    assert (asked["voice"], asked["x_words"], asked["stream_format"]) == ("coral", True, "sse")
    assert asked["authorization"] == "Bearer key"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (httpx.Response(401), "speech_refused"),
        (events(DELTA), "engine_protocol_error"),
        (events('{"type":"error"}'), "speech_failed"),
        (events("not json"), "engine_protocol_error"),
        (events('{"type":"speech.audio.delta","audio":"!"}'), "engine_protocol_error"),
        (httpx.ConnectError("refused"), "speech_unreachable"),
    ],
)
async def test_what_goes_wrong_is_an_engine_error_with_a_code(
    answer: httpx.Response | Exception, code: str
) -> None:
    with pytest.raises(EngineError) as caught:
        await spoken_by(answer)
    assert caught.value.code == code


async def test_an_endpoint_that_does_not_answer_is_a_timeout() -> None:
    with pytest.raises(EngineTimeout):
        await spoken_by(httpx.ReadTimeout("slow"))


# ---- control, ending, approvals ----------------------------------------------------------------


def test_a_command_survives_the_stream_and_nonsense_is_refused() -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    command = HangUpCall(CallId("call_1"), "ann")
    assert decode_command(encode_command(command, at)) == (command, at)
    for nonsense in (b"", b"{}", b'{"kind":"launch"}', b"[]", b'{"kind":"hang_up_call"}'):
        with pytest.raises(Invalid):
            decode_command(nonsense)


def test_the_first_to_end_a_call_gives_the_cause() -> None:
    async def play() -> None:
        ending = Ending()
        assert ending.ask(EndCause.AGENT_HANGUP)
        assert not ending.ask(EndCause.OPERATOR_HANGUP)
        ending.gone(EndCause.CALLER_HANGUP, sip_status=200, reason="")
        assert (await ending.asked()).cause is EndCause.AGENT_HANGUP
        assert await ending.dialog_is_over(1)
        assert not await Ending().dialog_is_over(1)
        assert asyncio.get_running_loop().time() == 1.0

    run_virtual(play())


def test_an_approval_is_bound_to_the_exact_call() -> None:
    first = binding_hash("pay", {"a": "1", "b": "2"}, "v1", {})
    assert first == binding_hash("pay", {"b": "2", "a": "1"}, "v1", {})
    others = [
        binding_hash("pay", {"a": "1", "b": "3"}, "v1", {}),
        binding_hash("pay2", {"a": "1", "b": "2"}, "v1", {}),
        binding_hash("pay", {"a": "1", "b": "2"}, "v2", {}),
    ]
    assert len({first, *others}) == 4
