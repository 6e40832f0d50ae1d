"""Token counts on the published scale: four characters of text, 100 ms of caller audio or 50 ms of
agent audio are one token. An engine that counts for itself overrides them."""

from __future__ import annotations

from typing import Final

USER_AUDIO_MS: Final = 100
AGENT_AUDIO_MS: Final = 50


def text_tokens(text: str) -> int:
    return -(-len(text) // 4)


def user_audio_tokens(ms: float) -> int:
    return -int(-ms // USER_AUDIO_MS)


def agent_audio_tokens(ms: float) -> int:
    return -int(-ms // AGENT_AUDIO_MS)
