"""The last seconds of a call's recording as a WAV of its own, while the call is up and after it.

What is cut is what the disk has: half a second behind the call, and masked where the recording is.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.audio.recording import wav_header
from trunkline.domain.errors import NotFound
from trunkline.storage.calls import CallRepository
from trunkline.storage.recording_files import find_call_file, kept_file, read_wav

TAIL_S: Final = 30
MOST_TAIL_S: Final = 120
_HEADER_BYTES: Final = 44
_BLOCK_BYTES: Final = 4


async def recording_of(session: AsyncSession, data_dir: Path, call_id: str, *, owner: str) -> Path:
    """The file of a call that is up or over; NotFound says why there is none."""
    calls = CallRepository(session)
    call = await calls.summary(call_id, owner=owner)
    kept = await calls.recording(call_id)
    if kept is not None and kept.removed_at is not None:
        raise NotFound("it was removed by retention", code="recording_removed")
    if kept is not None:
        return kept_file(data_dir, kept.path, ".wav")
    path = find_call_file(data_dir / "recordings", call.call_id, call.started_at, ".wav")
    if path is None:
        raise NotFound("the call has no recording", code="recording_not_found")
    return path


def tail_of(path: Path, seconds: int) -> bytes:
    """Two channels, caller left and agent right. Blocks; NotFound when there is nothing yet."""
    about = read_wav(path)
    if about is None:
        raise NotFound("nothing of the call is on disk yet", code="recording_empty")
    rate = about.sample_rate_hz
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        samples = (os.fstat(descriptor).st_size - _HEADER_BYTES) // _BLOCK_BYTES
        start = max(0, samples - seconds * rate)
        audio = os.pread(
            descriptor,
            (samples - start) * _BLOCK_BYTES,
            _HEADER_BYTES + start * _BLOCK_BYTES,
        )
    finally:
        os.close(descriptor)
    return wav_header(rate, len(audio)) + audio
