"""Recordings are whole to the last second, in place, and never in the call's way."""

from __future__ import annotations

import errno
import os
import threading
import wave
from pathlib import Path

import numpy as np
import pytest
from tests.fakes.scene import InlineDisk

from trunkline.audio.disk_writer import DiskWriter
from trunkline.audio.recording import CallRecorder, _WavFile
from trunkline.domain.audio import AudioFormat
from trunkline.domain.events import RecordingState

G711 = AudioFormat(8000)


def pair(caller: int, agent: int) -> bytes:
    frames = (np.full(160, caller, "<i2"), np.full(160, agent, "<i2"))
    return b"".join(frame.tobytes() for frame in frames)


def read(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 8000)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)


def test_the_caller_is_left_and_the_agent_right(tmp_path: Path) -> None:
    recorder = CallRecorder(tmp_path / "deep" / "call.wav", G711, InlineDisk())
    for number in range(60):
        recorder.write(pair(number, -number))
    outcome = recorder.close().result(1)
    assert (outcome.state, outcome.duration_ms, outcome.lost_ms) == (
        RecordingState.COMPLETE,
        1200,
        0,
    )
    samples = read(recorder.path)
    assert samples[::160, 0].tolist() == list(range(60))
    assert samples[::160, 1].tolist() == [-n for n in range(60)]


def test_a_file_that_was_never_closed_is_readable_to_the_last_half_second(tmp_path: Path) -> None:
    recorder = CallRecorder(tmp_path / "call.wav", G711, InlineDisk())
    for _ in range(99):
        recorder.write(pair(1, 2))
    assert len(read(recorder.path)) == 8000 * 3 // 2  # 1.98 s taken, 1.5 s written


def test_a_full_disk_costs_what_it_refused_and_what_follows_keeps_its_place(
    tmp_path: Path,
) -> None:
    refusing = [False]

    def pwrite(fd: int, payload: bytes, at: int) -> int:
        if refusing[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.pwrite(fd, payload, at)

    file = _WavFile(tmp_path / "call.wav", 8000, pwrite)
    block = np.full((800, 2), 7, "<i2").tobytes()
    file.write(0, block)
    refusing[0] = True
    file.write(800, block)
    refusing[0] = False
    file.write(1600, block)
    assert file.close() == 800
    samples = read(tmp_path / "call.wav")
    assert samples[:, 0].tolist() == [7] * 800 + [0] * 800 + [7] * 800


def test_a_write_in_part_is_finished(tmp_path: Path) -> None:
    def pwrite(fd: int, payload: bytes, at: int) -> int:
        return os.pwrite(fd, payload[:1000], at)

    file = _WavFile(tmp_path / "call.wav", 8000, pwrite)
    file.write(0, np.full((800, 2), 7, "<i2").tobytes())
    assert file.close() == 0
    assert (read(tmp_path / "call.wav") == 7).all()


def test_a_directory_that_cannot_be_made_is_an_incomplete_recording(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    recorder = CallRecorder(tmp_path / "file" / "call.wav", G711, InlineDisk())
    recorder.write(pair(1, 1) * 50)
    outcome = recorder.close().result(1)
    assert (outcome.state, outcome.lost_ms) == (RecordingState.INCOMPLETE, 1000)


def test_a_disk_that_cannot_keep_up_is_refused_and_counted(tmp_path: Path) -> None:
    disk = InlineDisk()
    recorder = CallRecorder(tmp_path / "call.wav", G711, disk)
    recorder.write(pair(1, 1) * 25)
    disk.is_full = True
    recorder.write(pair(1, 1) * 25)
    disk.is_full = False
    recorder.write(pair(2, 2) * 25)
    outcome = recorder.close().result(1)
    assert (outcome.state, outcome.duration_ms, outcome.lost_ms) == (
        RecordingState.INCOMPLETE,
        1500,
        500,
    )
    assert read(recorder.path)[8000:, 0].tolist() == [2] * 4000


def test_the_writer_works_off_its_thread_in_order_and_survives_a_broken_job() -> None:
    done: list[str] = []
    with DiskWriter() as disk:
        assert disk.submit(lambda: done.append(threading.current_thread().name))
        assert disk.submit(lambda: [][0])
        assert disk.finish(lambda: len(done)).result(5) == 1
    assert done == ["disk-writer"]


def test_the_writer_refuses_when_its_queue_is_full() -> None:
    gate = threading.Event()
    with DiskWriter(depth=3) as disk:
        blocked = disk.finish(lambda: gate.wait(5))
        accepted = [disk.submit(lambda: None) for _ in range(6)]
        assert not all(accepted)
        last = disk.finish(lambda: "taken all the same")
        gate.set()
        assert blocked.result(5)
        assert last.result(5) == "taken all the same"


def test_an_error_of_a_last_job_reaches_who_waits_for_it() -> None:
    with DiskWriter() as disk, pytest.raises(ZeroDivisionError):
        disk.finish(lambda: 1 // 0).result(5)
