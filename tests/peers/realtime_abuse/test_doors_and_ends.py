"""Who gets in with which key, and how sessions end: expired, cut off in a frame, out of quota."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from tests.peers.realtime.conftest import RunningServer
from tests.peers.realtime_abuse.conftest import KEYS, Live, live

from trunkline.model import opening
from trunkline.model.authority import hash_key

pytestmark = pytest.mark.peers
BETA = {"OpenAI-Beta": "realtime=v1"}


async def post(
    running: RunningServer, path: str, key: str, body: dict[str, Any] | None = None
) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        headers = {"Authorization": f"Bearer {key}"}
        return await client.post(f"{running.base_url}{path}", headers=headers, json=body or {})


async def refusal(running: RunningServer, key: str) -> tuple[int, str]:
    with pytest.raises(websockets.InvalidStatus) as caught:
        async with live(running, key=key):
            pass
    error = json.loads(caught.value.response.body or b"")["error"]
    assert error["message"] and error["type"]
    return caught.value.response.status_code, error["code"]


async def test_an_ephemeral_key_starts_sessions_in_either_generation_and_does_nothing_else(
    running: RunningServer,
) -> None:
    body = {"instructions": "FROM-BETA", "modalities": ["text"], "temperature": 0.7}
    answer = await post(running, "/realtime/sessions", "good", body)
    assert answer.status_code == 200
    key = answer.json()["client_secret"]["value"]
    assert answer.json()["voice"] == "alloy"
    async with live(running, key=key) as session:  # without the beta header: GA, the same start
        first = (await session.until("session.created"))["session"]
        assert first["type"] == "realtime"
        assert first["instructions"] == "FROM-BETA"
        assert first["output_modalities"] == ["text"]
        assert first["audio"]["output"]["voice"] == "alloy"
        assert "temperature" not in first
        assert await session.answers()
    headers = {"Authorization": f"Bearer {key}", **BETA}
    async with live(running, additional_headers=headers) as session:
        first = (await session.until("session.created"))["session"]
        assert (first["voice"], first["temperature"]) == ("alloy", 0.7)
        assert first["modalities"] == ["text"]
    for path in ("/realtime/client_secrets", "/realtime/sessions", "/audio/speech"):
        refused = await post(running, path, key, {"session": {"type": "realtime"}})
        assert refused.status_code == 403
        assert refused.json()["error"]["message"]


async def test_what_a_models_engine_cannot_do_is_refused_when_the_key_is_minted(
    running: RunningServer,
) -> None:
    session = {"type": "realtime", "include": ["item.input_audio_transcription.logprobs"]}
    answer = await post(running, "/realtime/client_secrets", "good", {"session": session})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "session.include"


async def test_a_key_taken_back_closes_the_door_to_its_ephemeral_keys(
    running: RunningServer, tmp_path: Path
) -> None:
    answer = await post(running, "/realtime/client_secrets", "good")
    key = answer.json()["value"]
    keys = [one for one in KEYS if one["id"] != "good"]
    (tmp_path / "authority.json").write_text(json.dumps({"keys": keys}))
    async with asyncio.timeout(10):
        while True:
            try:
                async with live(running, key=key):
                    await asyncio.sleep(0.1)
            except websockets.InvalidStatus as exc:
                assert exc.response.status_code == 401
                return


async def test_a_key_out_of_requests_or_tokens_is_told_when_to_come_back(
    running: RunningServer, tmp_path: Path
) -> None:
    quotas = {"thrifty": {"requests_per_minute": 2}, "poor": {"tokens_per_day": 30}}
    keys = [
        {"id": name, "hash": hash_key(name), "scopes": ["realtime"], "quota": quota}
        for name, quota in quotas.items()
    ]
    (tmp_path / "authority.json").write_text(json.dumps({"keys": [*KEYS, *keys]}))
    async with asyncio.timeout(10):
        while True:
            try:
                async with live(running, key="thrifty"):
                    break
            except websockets.InvalidStatus:
                await asyncio.sleep(0.1)
    for _ in range(2):
        last = None
        try:
            async with live(running, key="thrifty"):
                pass
        except websockets.InvalidStatus as exc:
            last = exc
    assert last is not None and last.response.status_code == 429
    assert int(last.response.headers["retry-after"]) >= 1
    async with live(running, key="poor") as session:
        await session.update()
        await session.say("a " * 60)
        await session.send("response.create")
        await session.until("response.done")
        await session.send("response.create", event_id="evt_poor")
        error = (await session.until("error"))["error"]
        assert (error["code"], error["event_id"]) == ("insufficient_quota", "evt_poor")
    assert (await refusal(running, "poor"))[0] == 429


async def test_a_session_at_its_limit_says_so_and_closes_with_1001(
    running: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "_LIMITS", {"ga": 1, "beta": 1})
    async with live(running) as session:
        error = (await session.until("error"))["error"]
        assert error["code"] == "session_expired"
        with pytest.raises(websockets.ConnectionClosed) as caught:
            await session.next()
        assert caught.value.rcvd is not None and caught.value.rcvd.code == 1001
        assert "maximum duration" in caught.value.rcvd.reason


async def frame(session: Live, head: bytes, payload: bytes = b"") -> None:
    session.socket.transport.write(head + payload)
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    "broken",
    [
        b"\x81\xfe\xff\xff\x00\x00\x00\x00half of a fra",  # cut off in a frame
        b"\x01\x84\x00\x00\x00\x00part",  # a message that is never finished
        b"\x81\x04text",  # unmasked
        b"\x83\x80\x00\x00\x00\x00",  # an opcode that does not exist
        b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00",  # nine exabytes
        b"\x81\x82\x00\x00\x00\x00\xff\xfe",  # no UTF-8
    ],
)
async def test_what_is_no_websocket_ends_that_connection_and_nothing_else(
    running: RunningServer, broken: bytes
) -> None:
    async with live(running, key="one") as session:
        await session.until("session.created")
        await frame(session, broken)
        session.socket.transport.close()
    await running.server.sockets.until_empty(10)
    assert running.server.admission.live == 0
    async with live(running, key="one") as session:
        assert await session.answers()


async def test_an_event_in_many_fragments_is_one_event(running: RunningServer) -> None:
    async with live(running) as session:
        update = json.dumps({"type": "session.update", "session": {"type": "realtime"}})
        await session.socket.send([update[at : at + 3] for at in range(0, len(update), 3)])
        assert await session.until("session.updated")
