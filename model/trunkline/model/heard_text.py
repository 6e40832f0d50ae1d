"""What of a transcript was heard when its audio was cut off. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from trunkline.domain.audio import WordMark


def heard_text(transcript: str, words: Sequence[WordMark], end_ms: int, audio_ms: float) -> str:
    """The part of the transcript whose words had ended by ``end_ms``; without word times, the same
    share of its words as of its audio (rounded down: unheard text must not be believed)."""
    if words:
        count = sum(1 for word in words if word.end_ms <= end_ms)
        place = 0
        for word in words[:count]:
            found = transcript.find(word.text, place)
            if found < 0:
                return " ".join(word.text for word in words[:count])
            place = found + len(word.text)
        return transcript[:place]
    spoken = transcript.split()
    share = end_ms / audio_ms if audio_ms else 0.0
    return " ".join(spoken[: int(len(spoken) * min(share, 1.0))])
