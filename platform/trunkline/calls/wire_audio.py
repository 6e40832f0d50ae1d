"""How audio travels between a leg and its Realtime session: never resampled in Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from trunkline.audio.g711 import alaw_to_pcm, pcm_to_alaw, pcm_to_ulaw, ulaw_to_pcm
from trunkline.domain.audio import AudioFormat
from trunkline.domain.errors import Invalid
from trunkline.domain.events import Json


@dataclass(frozen=True, slots=True)
class WireAudio:
    """``format`` is the session's; ``encode`` takes PCM16 at the leg's rate, ``decode`` gives it.

    ``bytes_per_sample`` is the size of one sample on the wire.
    """

    format: Mapping[str, Json]
    encode: Callable[[bytes], bytes]
    decode: Callable[[bytes], bytes]
    bytes_per_sample: int


def _same(pcm: bytes) -> bytes:
    return pcm


_PCMU: Final = WireAudio({"type": "audio/pcmu"}, pcm_to_ulaw, ulaw_to_pcm, 1)
_PCMA: Final = WireAudio({"type": "audio/pcma"}, pcm_to_alaw, alaw_to_pcm, 1)
_PCM: Final = WireAudio({"type": "audio/pcm", "rate": 24000}, _same, _same, 2)


def wire_audio(leg_format: AudioFormat, codec: str) -> WireAudio:
    """G.711 legs keep their law on the wire; a 24 kHz leg sends PCM."""
    match leg_format.sample_rate_hz:
        case 8000:
            return _PCMA if codec.upper().startswith("PCMA") else _PCMU
        case 24000:
            return _PCM
        case rate:
            raise Invalid(f"a leg at {rate} Hz has no Realtime format", code="bad_leg_format")
