"""Recordings: ranges, peaks computed once, and no way out of the data directory."""

from __future__ import annotations

import base64
import struct
import wave
from pathlib import Path

import numpy as np
import orjson
import pytest
from tests.unit.dashboard.conftest import Office
from tests.unit.dashboard.story import Story, whole_call, write_recording

from trunkline.dashboard.peaks import cached_peaks, compute_peaks, wav_layout
from trunkline.domain.errors import Invalid
from trunkline.storage.audit import Audit


def wav(path: Path, left: list[int], right: list[int], rate_hz: int = 8000) -> Path:
    samples = np.array([left, right], dtype="<i2").T
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.tobytes())
    return path


def channels(document: bytes) -> list[list[int]]:
    return [list(base64.b64decode(side)) for side in orjson.loads(document)["channels"]]


def test_each_bucket_holds_its_loudest_sample_of_each_side(tmp_path: Path) -> None:
    left = [0] * 160 + [8192, -16384] + [0] * 158 + [-32768] + [0] * 9
    right = [32767] * 160 + [0] * 170
    peaks = compute_peaks(wav(tmp_path / "a.wav", left, right))
    assert channels(peaks) == [[0, 180, 255], [255, 0, 0]]  # the scale is the square root
    document = orjson.loads(peaks)
    assert (document["bucket_ms"], document["duration_ms"]) == (20, 41)


def test_a_long_recording_has_wider_buckets_not_more(tmp_path: Path) -> None:
    silence = np.zeros(8000 * 300, dtype="<i2").tolist()
    document = orjson.loads(compute_peaks(wav(tmp_path / "a.wav", silence, silence)))
    assert document["bucket_ms"] == 50
    assert len(base64.b64decode(document["channels"][0])) == 6000


def test_an_empty_recording_has_no_peaks(tmp_path: Path) -> None:
    assert channels(compute_peaks(wav(tmp_path / "a.wav", [], []))) == [[], []]


@pytest.mark.parametrize("claimed", [0, 0xFFFFFFFF, 4000])
def test_a_header_left_unfinished_by_a_crash_is_read_by_the_files_size(
    tmp_path: Path, claimed: int
) -> None:
    path = wav(tmp_path / "a.wav", [1] * 500, [2] * 500)
    content = bytearray(path.read_bytes())
    content[40:44] = struct.pack("<I", claimed)
    path.write_bytes(content)
    with path.open("rb") as file:
        assert wav_layout(file, len(content)).frames == 500


@pytest.mark.parametrize(
    "content",
    [b"", b"RIFF", b"RIFF\0\0\0\0WAVE", b"OggS" + bytes(40), b"RIFF\0\0\0\0WAVEdata\0\0\0\0",
     b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 3, 2, 8000, 64000, 8, 32)],
)  # fmt: skip
def test_what_is_no_pcm_wav_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(Invalid, match="recording"):
        compute_peaks(path)


def test_peaks_are_computed_once_and_anew_when_the_file_changed(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", [100] * 400, [0] * 400)
    first = cached_peaks(path)
    kept = path.with_name("a.wav.peaks.json")
    kept.write_bytes(first.replace(b'"bucket_ms":20', b'"bucket_ms":21'))
    assert orjson.loads(cached_peaks(path))["bucket_ms"] == 21
    wav(path, [100] * 800, [0] * 800)
    assert orjson.loads(cached_peaks(path))["duration_ms"] == 100
    kept.write_bytes(b"half a docum")
    assert orjson.loads(cached_peaks(path))["duration_ms"] == 100
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.wav", "a.wav.peaks.json"]


async def recorded(office: Office) -> bytes:
    await office.log_in()
    facts = whole_call(recording="recordings/story.wav")
    path = office.deps.data_dir / "recordings" / "story.wav"
    write_recording(path, facts)
    await office.store(facts)
    return path.read_bytes()


async def test_a_browser_may_take_the_recording_in_ranges(office: Office) -> None:
    content = await recorded(office)
    answer = await office.client.get(
        "/calls/call_story/recording", headers={"range": "bytes=1000-1999"}
    )
    assert (answer.status_code, answer.content) == (206, content[1000:2000])
    assert answer.headers["content-range"] == f"bytes 1000-1999/{len(content)}"
    assert answer.headers["cache-control"] == "no-store"


async def test_a_download_is_named_after_the_call_and_audited(office: Office) -> None:
    content = await recorded(office)
    answer = await office.client.get("/calls/call_story/recording?download=true")
    assert answer.content == content
    assert 'filename="call_story.wav"' in answer.headers["content-disposition"]
    async with office.sessions.reading() as session:
        assert (await Audit(session).latest(1))[0].action == "recording.downloaded"


async def test_the_peaks_show_both_sides_where_they_spoke(office: Office) -> None:
    await recorded(office)
    document = (await office.client.get("/calls/call_story/peaks")).json()
    caller, agent = (base64.b64decode(side) for side in document["channels"])
    greeting = slice(200 // 20, 4000 // 20)
    assert max(agent[greeting]) > 100 and max(caller[greeting]) == 0


@pytest.mark.parametrize("path", ["../outside.wav", "/etc/hostname", "recordings/none.wav", "."])
async def test_a_path_that_leads_out_or_nowhere_is_not_followed(office: Office, path: str) -> None:
    (office.deps.data_dir.parent / "outside.wav").write_bytes(b"RIFF")
    await office.log_in()
    story = Story()
    story.ring()
    story.record(path, 1000)
    await office.store(story.facts)
    for what in ("recording", "peaks"):
        answer = await office.client.get(f"/calls/call_story/{what}")
        assert answer.status_code == 404
        assert "file is missing" in answer.text


async def test_a_call_without_recording_answers_404(office: Office) -> None:
    await office.log_in()
    story = Story()
    story.ring()
    await office.store(story.facts)
    assert (await office.client.get("/calls/call_story/peaks")).status_code == 404
