"""Client secrets, compressed speech and transcriptions, by the official client."""

from __future__ import annotations

import io
import json
import time
from typing import Any

import av
import httpx
import openai
import pytest
from openai import AsyncOpenAI
from tests.fakes.voices import quiet, voiced
from tests.peers.realtime.conftest import KEY, RunningServer

from trunkline.model.speech_api import wav_header

pytestmark = pytest.mark.peers


def client(running: RunningServer, key: str = KEY) -> AsyncOpenAI:
    return AsyncOpenAI(api_key=key, base_url=running.base_url, max_retries=0, timeout=20)


def recording() -> bytes:
    pcm = quiet(300, 24000) + voiced(900, 24000) + quiet(900, 24000)
    return wav_header(len(pcm), 24000) + pcm


async def test_an_ephemeral_key_starts_sessions_as_it_was_minted_and_nothing_else(
    running: RunningServer,
) -> None:
    async with client(running) as one:
        made = await one.realtime.client_secrets.create(
            expires_after={"anchor": "created_at", "seconds": 60},
            session={"type": "realtime", "model": "gpt-realtime", "instructions": "As minted."},
        )
    assert made.value.startswith("ek_") and 50 < made.expires_at - time.time() < 65
    async with client(running, made.value) as browser:
        for _ in range(2):
            async with browser.realtime.connect(model="gpt-realtime") as connection:
                created: Any = await connection.recv()
                assert created.session.instructions == "As minted."
        with pytest.raises(openai.PermissionDeniedError):
            await browser.realtime.client_secrets.create()
        with pytest.raises(openai.PermissionDeniedError):
            await browser.models.list()


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"expires_after": {"seconds": 5}}, 400, "expires_after.seconds"),
        ({"expires_after": {"seconds": 7201}}, 400, "expires_after.seconds"),
        ({"session": {"type": "telepathy"}}, 400, "session.type"),
        ({"session": {"type": "realtime", "volume": 3}}, 400, "session.volume"),
        ({"session": {"type": "realtime", "model": "gpt-2"}}, 404, None),
        ({"session": []}, 400, "session"),
        ({"sesion": {}}, 400, "sesion"),
    ],
)
async def test_a_wrong_wish_for_a_secret_is_named(
    running: RunningServer, body: Any, status: int, param: str | None
) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.post(
            f"{running.base_url}/realtime/client_secrets",
            json=body,
            headers={"Authorization": f"Bearer {KEY}"},
        )
    assert answer.status_code == status
    assert answer.json()["error"]["param"] == param


async def test_an_invented_ephemeral_key_is_refused(running: RunningServer) -> None:
    async with client(running, "ek_" + "b" * 40) as one:
        with pytest.raises(openai.AuthenticationError):
            await one.models.list()


@pytest.mark.parametrize("audio_format", ["mp3", "opus", "aac", "flac", "wav"])
async def test_speech_comes_in_every_format_and_decodes_to_its_length(
    running: RunningServer, audio_format: Any
) -> None:
    async with client(running) as one:
        made = await one.audio.speech.create(
            model="tts-1", voice="alloy", input="hello there", response_format=audio_format
        )
    opened: Any
    with av.open(io.BytesIO(made.content)) as opened:
        stream = opened.streams.audio[0]
        samples = sum(frame.samples for frame in opened.decode(stream))
        seconds = samples / stream.rate
    assert 0.45 < seconds < 0.65  # two words of 250 ms, and a codec's own padding


async def test_a_recording_is_transcribed_in_every_shape(running: RunningServer) -> None:
    wav = ("call.wav", recording())
    async with client(running) as one:
        plain = await one.audio.transcriptions.create(model="whisper-1", file=wav)
        assert plain.text == "what is my balance"
        verbose = await one.audio.transcriptions.create(
            model="whisper-1",
            file=wav,
            response_format="verbose_json",
            timestamp_granularities=["segment"],
        )
        assert verbose.segments is not None and verbose.segments[0].text == verbose.text
        assert 2.0 < float(verbose.duration) < 2.2
        text: Any = await one.audio.transcriptions.create(
            model="whisper-1", file=wav, response_format="text"
        )
        assert str(text).strip() == verbose.text
        stream = await one.audio.transcriptions.create(
            model="gpt-4o-transcribe", file=wav, stream=True
        )
        kinds = [event.type async for event in stream]
    assert kinds == ["transcript.text.delta", "transcript.text.done"]


@pytest.mark.parametrize(
    ("fields", "file", "param"),
    [
        ({"model": "whisper-1"}, b"#EXTM3U\nfile:///etc/passwd", "file"),
        ({"model": "whisper-1"}, b"", "file"),
        ({"model": "whisper-1"}, b"RIFF\0\0\0\0WAVEnonsense", "file"),
        ({"model": "whisper-1", "response_format": "srt"}, recording(), "response_format"),
        ({"model": "whisper-1", "include[]": "logprobs"}, recording(), "include"),
        ({"model": "tts-1"}, recording(), "model"),
        ({}, recording(), "model"),
    ],
)
async def test_a_wrong_transcription_request_is_named_by_its_field(
    running: RunningServer, fields: dict[str, str], file: bytes, param: str
) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.post(
            f"{running.base_url}/audio/transcriptions",
            data=fields,
            files={"file": ("a.wav", file)},
            headers={"Authorization": f"Bearer {KEY}"},
        )
    assert answer.status_code == 400, answer.text
    assert json.loads(answer.text)["error"]["param"] == param


async def test_the_beta_sessions_are_flat_and_bring_a_secret_of_a_minute(
    running: RunningServer,
) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "OpenAI-Beta": "assistants=v2"}
    async with httpx.AsyncClient(base_url=running.base_url, headers=headers) as http:
        made = await http.post(
            "/realtime/sessions",
            json={"model": "gpt-4o-realtime-preview", "instructions": "Beta.", "voice": "ash"},
        )
        heard = await http.post(
            "/realtime/transcription_sessions",
            json={"input_audio_transcription": {"model": "whisper-1"}},
        )
        wrong = await http.post("/realtime/sessions", json={"audio": {}})
        hot = await http.post("/realtime/sessions", json={"temperature": 3})
    assert made.status_code == 200, made.text
    session = made.json()
    assert (session["instructions"], session["voice"]) == ("Beta.", "ash")
    assert session["input_audio_format"] == "pcm16" and "audio" not in session
    assert session["client_secret"]["value"].startswith("ek_")
    assert 50 < session["client_secret"]["expires_at"] - time.time() < 65
    assert heard.status_code == 200, heard.text
    assert heard.json()["input_audio_transcription"]["model"] == "whisper-1"
    assert wrong.status_code == 400 and wrong.json()["error"]["param"] == "audio"
    assert hot.status_code == 400 and hot.json()["error"]["param"] == "temperature"
