"""A client, our server, an upstream behind it: what the client sees is our server's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.response_order import check_responses
from tests.fakes.voices import quiet, voiced
from tests.peers.realtime.test_our_client import Talk
from tests.peers.upstream.conftest import KEY, FarServer, scripted_far_end, serving, upstream

from trunkline.audio.g711 import pcm_to_ulaw
from trunkline.realtime import client_events as ce
from trunkline.realtime import server_events as ev
from trunkline.realtime.client import RealtimeClient
from trunkline.realtime.items import FunctionCallItem, FunctionCallOutputItem, item_text

pytestmark = pytest.mark.peers
SCRIPT: dict[str, Any] = {
    "transcripts": ["what do i owe"],
    "replies": [
        {"match": "owe", "tool": {"name": "get_balance", "arguments": {"account": "44172908"}}},
        {"match": "long", "text": " ".join(f"word{n}" for n in range(40))},
        {"text": "You said: {last}"},
    ],
}
SESSION: dict[str, Any] = {
    "type": "realtime",
    "tools": [
        {"type": "function", "name": "get_balance", "parameters": {"type": "object"}},
    ],
    "audio": {
        "input": {
            "format": {"type": "audio/pcmu"},
            "transcription": {"model": "whisper-1"},
            "turn_detection": {"type": "server_vad", "silence_duration_ms": 300},
        },
        "output": {"format": {"type": "audio/pcmu"}},
    },
}


@asynccontextmanager
async def chained(folder: Path, **settings: Any) -> AsyncIterator[tuple[Talk, FarServer]]:
    async with (
        scripted_far_end(folder / "far", SCRIPT) as far,
        upstream(far.base_url, **settings) as engine,
        serving(folder / "near", engine, None) as near,
        RealtimeClient.connect(near.base_url, api_key=KEY, model="upstream") as client,
    ):
        yield Talk(client), far


@pytest.mark.parametrize("generation", ["ga", "beta"])
async def test_a_spoken_call_with_a_function_and_an_interruption(
    tmp_path: Path, generation: str
) -> None:
    async with chained(tmp_path, generation=generation) as (talk, far):
        client = talk.client
        client.send(ce.SessionUpdate(session=SESSION))
        await talk.until(ev.SessionUpdated)
        said = pcm_to_ulaw(quiet(400) + voiced(900) + quiet(600))
        for begin in range(0, len(said), 160):
            client.append_audio(said[begin : begin + 160])
        heard = await talk.until(ev.TranscriptionCompleted)
        assert heard.transcript == "what do i owe"
        done = await talk.until(ev.ResponseDone)  # server VAD asked for it
        (call,) = done.response.output
        assert isinstance(call, FunctionCallItem) and call.call_id is not None
        assert done.response.usage is not None
        assert done.response.usage.input_token_details.audio_tokens > 0
        output = FunctionCallOutputItem(call_id=call.call_id, output="a long story")
        client.send(ce.ItemCreate(item=output))
        client.send(ce.ResponseCreate())
        await talk.until(ev.ResponseCreated)
        await talk.until(ev.ResponseAudioDelta)
        client.send(ce.ResponseCancel())
        done = await talk.until(ev.ResponseDone)
        assert done.response.status == "cancelled"
        (spoken,) = done.response.output
        client.send(ce.ItemTruncate(item_id=str(spoken.id), content_index=0, audio_end_ms=700))
        await talk.until(ev.ItemTruncated)
        client.send(ce.ItemRetrieve(item_id=str(spoken.id)))
        kept = item_text((await talk.until(ev.ItemRetrieved)).item)
        client.send(ce.ResponseCreate())
        done = await talk.until(ev.ResponseDone)
        assert done.response.status == "completed"
        check_responses(talk.seen)
        # The far end believes what our client heard, and no more.
        there = [(item.role.value, item.text) for item in far.histories[-1]]
        assert kept and ("assistant", kept) in there
        assert len(kept.split()) < 10
