"""A caller's voice as it arrives: synthesised, through a G.711 line, at the engine's rate."""

from __future__ import annotations

from trunkline.audio.g711 import pcm_to_ulaw, ulaw_to_pcm
from trunkline.audio.resample import resampled
from trunkline.model.cascade.ports import Synthesizer

_SILENCE = b"\0\0" * 4800  # 300 ms


async def telephone_speech(synthesiser: Synthesizer, text: str, voice: str) -> bytes:
    """PCM16 at 16 kHz that has been 8 kHz mu-law on the way, with silence around it."""
    speech = b"".join(
        [delta.pcm async for delta in synthesiser.synthesise(text, voice=voice, speed=1.0)]
    )
    line = ulaw_to_pcm(pcm_to_ulaw(resampled(_SILENCE + speech + _SILENCE, 16000, 8000)))
    return resampled(line, 8000, 16000)
