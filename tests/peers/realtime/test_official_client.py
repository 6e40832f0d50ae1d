"""The official client, unchanged, against our server: what a customer would do."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import openai
import pytest
import websockets
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import RealtimeServerEvent
from tests.fakes.response_order import check_responses
from tests.fakes.voices import quiet, voiced
from tests.peers.realtime.conftest import KEY, RunningServer
from websockets.typing import Subprotocol

from trunkline.realtime import server_events as ev
from trunkline.realtime.protocol import ClientProtocol

pytestmark = pytest.mark.peers
VAD = {"type": "server_vad", "silence_duration_ms": 300}


def client(running: RunningServer, key: str = KEY) -> AsyncOpenAI:
    return AsyncOpenAI(api_key=key, base_url=running.base_url, max_retries=0, timeout=10)


class Tape:
    """Every frame as the client parsed it, and as our own types read it."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self.connection = connection
        self.own: list[ev.ServerEvent] = []
        self._protocol = ClientProtocol()

    async def until(self, kind: str) -> Any:
        async with asyncio.timeout(20):
            while True:
                frame = await self.connection.recv_bytes()
                event: RealtimeServerEvent = self.connection.parse_event(frame)
                self.own.append(self._protocol.receive(frame))
                assert json.loads(frame)["event_id"]
                if event.type == kind:
                    return event

    async def update(self, **session: Any) -> Any:
        update: Any = {"type": "session.update", "session": {"type": "realtime", **session}}
        await self.connection.send(update)
        return await self.until("session.updated")


async def test_a_text_turn_and_a_tool_round_trip(running: RunningServer) -> None:
    async with client(running) as one, one.realtime.connect(model="gpt-realtime") as connection:
        tape = Tape(connection)
        created = await tape.until("session.created")
        assert created.session.model == "gpt-realtime"
        tool = {
            "type": "function",
            "name": "lookup",
            "parameters": {"type": "object", "properties": {"account": {"type": "string"}}},
        }
        updated = await tape.update(output_modalities=["text"], tools=[tool])
        assert updated.session.tools[0].name == "lookup"
        await connection.conversation.item.create(
            item={
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "lookup my account"}],
            }
        )
        await connection.response.create()
        done = await tape.until("response.done")
        call = done.response.output[0]
        assert (call.type, call.name, call.status) == ("function_call", "lookup", "completed")
        await connection.conversation.item.create(
            item={"type": "function_call_output", "call_id": call.call_id, "output": "182.40"}
        )
        await connection.response.create()
        done = await tape.until("response.done")
        assert done.response.output[0].content[0].text == "You said: 182.40"
        assert done.response.usage.total_tokens > 0
        check_responses(tape.own)


async def test_a_spoken_turn_by_server_detection(running: RunningServer) -> None:
    async with client(running) as one, one.realtime.connect(model="gpt-realtime") as connection:
        tape = Tape(connection)
        await tape.until("session.created")
        await tape.update(
            audio={"input": {"turn_detection": VAD, "transcription": {"model": "whisper-1"}}}
        )
        pcm = quiet(500, 24000) + voiced(900, 24000) + quiet(600, 24000)
        for begin in range(0, len(pcm), 4800):
            audio = base64.b64encode(pcm[begin : begin + 4800]).decode()
            await connection.input_audio_buffer.append(audio=audio)
        done = await tape.until("response.done")
        assert done.response.output[0].content[0].transcript == "You said: what is my balance"
        kinds = [event.type for event in tape.own]
        assert "conversation.item.input_audio_transcription.completed" in kinds
        check_responses(tape.own)


async def test_an_error_names_the_event_that_caused_it(running: RunningServer) -> None:
    async with client(running) as one, one.realtime.connect(model="gpt-realtime") as connection:
        tape = Tape(connection)
        await connection.response.cancel(event_id="evt_mine")
        error = await tape.until("error")
        assert (error.error.code, error.error.event_id) == (
            "response_cancel_not_active",
            "evt_mine",
        )
        await tape.update(instructions="alive")


async def test_models_are_listed_and_unknown_ones_do_not_exist(running: RunningServer) -> None:
    async with client(running) as one, client(running, "tk_wrong") as stranger:
        listed = [model.id async for model in one.models.list()]
        assert "scripted" in listed and "trunkline-realtime-2026-11-21" in listed
        assert (await one.models.retrieve("gpt-realtime")).id == "trunkline-realtime-2026-11-21"
        with pytest.raises(openai.NotFoundError):
            await one.models.retrieve("gpt-3.5-turbo")
        with pytest.raises(openai.AuthenticationError):
            await stranger.models.list()


async def test_speech_is_made_as_wav_and_pcm(running: RunningServer) -> None:
    async with client(running) as one:
        wav = await one.audio.speech.create(
            model="trunkline", voice="alloy", input="hello there", response_format="wav"
        )
        pcm = await one.audio.speech.create(
            model="trunkline",
            voice="alloy",
            input="hello there",
            response_format="pcm",
            extra_body={"x_sample_rate": 8000},
        )
    assert wav.content[:4] == b"RIFF" and len(wav.content) == 44 + 500 * 48
    assert len(pcm.content) == 500 * 16


async def test_speech_comes_as_events_with_the_times_of_its_words(running: RunningServer) -> None:
    async with (
        client(running) as one,
        one.audio.speech.with_streaming_response.create(
            model="trunkline",
            voice="alloy",
            input="hello there",
            stream_format="sse",
            response_format="pcm",
            extra_body={"x_words": True},
        ) as stream,
    ):
        lines = [line async for line in stream.iter_lines() if line.startswith("data: ")]
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    words = [word for event in events for word in event.get("x_words", ())]
    assert [word["text"] for word in words] == ["hello", "there"]
    assert events[-1]["type"] == "speech.audio.done"


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": "x" * 5000}, "input"),
        ({"input": "x", "speed": 9}, "speed"),
        ({"input": "x", "response_format": "mp4"}, "response_format"),
        ({"input": "x", "x_sample_rate": 44100}, "x_sample_rate"),
    ],
)
async def test_a_wrong_speech_request_is_named_by_its_parameter(
    running: RunningServer, wrong: dict[str, Any], param: str
) -> None:
    async with client(running) as one:
        with pytest.raises(openai.BadRequestError) as caught:
            await one.post("/audio/speech", body=wrong, cast_to=object)
    assert caught.value.param == param


async def test_a_browser_may_put_its_key_into_a_subprotocol(running: RunningServer) -> None:
    url = running.base_url.replace("http", "ws") + "/realtime?model=gpt-realtime"
    offered = [Subprotocol("realtime"), Subprotocol(f"openai-insecure-api-key.{KEY}")]
    async with websockets.connect(url, subprotocols=offered) as socket:
        assert socket.subprotocol == "realtime"
        assert json.loads(await socket.recv())["type"] == "session.created"


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("model=gpt-3.5-turbo", {}, 404),
        ("model=whisper-1", {"OpenAI-Beta": "realtime=v1"}, 400),
        ("call_id=rtc_1", {}, 404),  # no call of that name
    ],
)
async def test_what_is_not_served_is_refused_with_a_reason(
    running: RunningServer, query: str, headers: dict[str, str], status: int
) -> None:
    url = running.base_url.replace("http", "ws") + f"/realtime?{query}"
    with pytest.raises(websockets.InvalidStatus) as caught:
        async with websockets.connect(
            url, additional_headers={"Authorization": f"Bearer {KEY}", **headers}
        ):
            pass
    assert caught.value.response.status_code == status
    assert json.loads(caught.value.response.body or b"{}")["error"]["message"]
