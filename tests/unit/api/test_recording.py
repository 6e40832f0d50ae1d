from __future__ import annotations

import io
import wave
from pathlib import Path

import pytest
from tests.unit.api.conftest import Api
from tests.unit.storage.facts import CALL, after, started, whole_call

from trunkline.api.file_ranges import Unsatisfiable, wanted_span
from trunkline.audio.recording import wav_header
from trunkline.domain.ids import CallId
from trunkline.storage.audit import Audit
from trunkline.storage.journal import write_facts
from trunkline.storage.rows import RecordingRow

LIVE = CallId("call_live")
AUDIO = bytes(range(256)) * 1000


def write_wav(path: Path, audio: bytes = AUDIO) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wav_header(8000, len(audio)) + audio)


@pytest.fixture
async def url(api: Api) -> str:
    await write_facts(api.sessions, whole_call())
    write_wav(api.data_dir / f"recordings/2026/11/{CALL}.wav")
    return f"/api/v1/calls/{CALL}/recording"


async def test_a_recording_is_served_whole(api: Api, url: str) -> None:
    answer = await api.http.get(url)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.headers["accept-ranges"] == "bytes"
    assert int(answer.headers["content-length"]) == len(answer.content) == 44 + len(AUDIO)
    with wave.open(io.BytesIO(answer.content)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 8000)
        assert file.readframes(file.getnframes()) == AUDIO


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-43", 0, 43),
        ("bytes=100-100", 100, 100),
        ("bytes=256000-", 256_000, 256_043),
        ("bytes=-44", 256_000, 256_043),
        ("bytes=-999999999", 0, 256_043),
        ("bytes=256000-99999999", 256_000, 256_043),
    ],
)
async def test_a_range_is_served(api: Api, url: str, asked: str, first: int, last: int) -> None:
    answer = await api.http.get(url, headers={"range": asked})
    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"bytes {first}-{last}/256044"
    assert answer.content == (wav_header(8000, len(AUDIO)) + AUDIO)[first : last + 1]


@pytest.mark.parametrize("asked", ["bytes=256044-", "bytes=999999-9999999", "bytes=-0"])
async def test_a_range_beyond_the_end_is_refused(api: Api, url: str, asked: str) -> None:
    answer = await api.http.get(url, headers={"range": asked})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */256044"


@pytest.mark.parametrize(
    "asked", [None, "", "bytes=", "bytes=-", "bytes=5-2", "items=0-1", "bytes=0-1,5-6", "bytes=a-b"]
)
def test_a_range_that_need_not_be_obeyed_is_the_whole_file(asked: str | None) -> None:
    assert wanted_span(asked, 100) is None


def test_no_range_lies_in_an_empty_file() -> None:
    with pytest.raises(Unsatisfiable):
        wanted_span("bytes=0-", 0)


async def test_a_range_of_another_version_is_the_whole_file(api: Api, url: str) -> None:
    etag = (await api.http.get(url)).headers["etag"]
    same = await api.http.get(url, headers={"range": "bytes=0-9", "if-range": etag})
    other = await api.http.get(url, headers={"range": "bytes=0-9", "if-range": '"old"'})
    assert (same.status_code, other.status_code) == (206, 200)


async def test_the_head_of_a_recording_says_its_length(api: Api, url: str) -> None:
    answer = await api.http.head(url)
    assert answer.status_code == 200
    assert answer.headers["content-length"] == "256044"
    assert answer.content == b""


async def test_listening_is_audited_once_however_many_ranges_a_player_asks_for(
    api: Api, url: str
) -> None:
    for first in range(0, 1000, 100):
        await api.http.get(url, headers={"range": f"bytes={first}-{first + 99}"})
    async with api.sessions.reading() as session:
        links = [link.action for link in await Audit(session).latest()]
    assert links.count("recording.read") == 1


@pytest.mark.parametrize("day", ["20", "21", "22"])
async def test_a_call_that_is_up_is_served_as_far_as_it_is_kept(api: Api, day: str) -> None:
    await write_facts(api.sessions, [started(LIVE, after(0))])
    path = api.data_dir / f"recordings/2026/11/{day}/{LIVE}.wav"
    write_wav(path, AUDIO[:800])
    with path.open("ab") as file:
        file.write(b"\0" * 100)  # the next half second, not yet in the header
    answer = await api.http.get(f"/api/v1/calls/{LIVE}/recording")
    assert answer.status_code == 200
    assert len(answer.content) == 944


async def test_the_event_log_lies_beside_the_recording(api: Api, url: str) -> None:
    assert (await api.http.get(f"/api/v1/calls/{CALL}/events")).status_code == 404
    (api.data_dir / f"recordings/2026/11/{CALL}.jsonl").write_text('{"at_ms":0}\n')
    answer = await api.http.get(f"/api/v1/calls/{CALL}/events")
    assert answer.text == '{"at_ms":0}\n'
    assert answer.headers["content-type"].startswith("application/x-ndjson")


async def test_a_recording_that_retention_removed_is_gone(api: Api, url: str) -> None:
    async with api.sessions.writing() as session:
        (await session.get_one(RecordingRow, CALL)).removed_at = after(9000)
    answer = await api.http.get(url)
    assert (answer.status_code, answer.json()["code"]) == (404, "recording_removed")
    detail = (await api.http.get(f"/api/v1/calls/{CALL}")).json()
    assert detail["recording"] is None
    assert detail["has_recording"] is False


@pytest.mark.parametrize("path", ["../outside.wav", "/etc/hosts", "recordings/../../outside.wav"])
async def test_a_row_cannot_lead_out_of_the_data_directory(api: Api, url: str, path: str) -> None:
    write_wav(api.data_dir.parent / "outside.wav")
    async with api.sessions.writing() as session:
        (await session.get_one(RecordingRow, CALL)).path = path
    answer = await api.http.get(url)
    assert (answer.status_code, answer.json()["code"]) == (404, "recording_missing")
