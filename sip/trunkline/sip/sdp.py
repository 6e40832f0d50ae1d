"""What an SDP offer says about audio: enough to know the codec before the answer is sent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

# Canonical names carry the true sampling rate. G.722's rtpmap says 8000 for historical reasons
# (RFC 3551 §4.5.2); it samples at 16 kHz.
CODEC_NAMES: Final = {
    "pcmu": "PCMU/8000",
    "pcma": "PCMA/8000",
    "g722": "G722/16000",
    "opus": "opus/48000",
}
_STATIC_PAYLOADS: Final = {"0": "pcmu", "8": "pcma", "9": "g722"}  # RFC 3551 §6

NARROWBAND_HZ: Final = 8000
WIDEBAND_HZ: Final = 24000


def offered_codecs(sdp: str) -> tuple[str, ...]:
    """Codecs of the first live audio line in the offerer's order, those we know only."""
    payloads: list[str] = []
    names = dict(_STATIC_PAYLOADS)
    in_audio = False
    for line in sdp.splitlines():
        kind, _, value = line.strip().partition("=")
        if kind == "m":
            if payloads:
                break
            media = value.split()
            in_audio = len(media) > 3 and media[0] == "audio" and media[1].split("/")[0] != "0"
            payloads = media[3:] if in_audio else []
        elif kind == "a" and in_audio and value.startswith("rtpmap:"):
            payload, _, mapping = value.removeprefix("rtpmap:").partition(" ")
            names[payload] = mapping.strip().partition("/")[0].lower()
    codecs = (CODEC_NAMES.get(names.get(payload, "")) for payload in payloads)
    return tuple(codec for codec in codecs if codec)


def is_encrypted(sdp: str) -> bool:
    """Whether its first audio line can be had as SRTP alone (RTP/SAVP, RFC 4568)."""
    found = re.search(r"^m=audio \d\S* (\S+)", sdp, re.MULTILINE)
    return found is not None and "/SAVP" in found[1]


def choose_codec(sdp: str, enabled: Sequence[str]) -> str:
    """The codec the answer will carry: the offerer's first that is enabled here.

    PJSIP keeps the offerer's order (PJMEDIA_SDP_NEG_PREFER_REMOTE_CODEC_ORDER). Empty when nothing
    fits; without an offer (RFC 3264 late offer) it is our own first codec.
    """
    if not sdp.strip():
        return enabled[0] if enabled else ""
    return next((codec for codec in offered_codecs(sdp) if codec in enabled), "")


def port_rate_hz(codec: str) -> int:
    """The rate at which a leg on this codec is heard: 8 kHz for G.711, 24 kHz otherwise."""
    return NARROWBAND_HZ if codec.endswith("/8000") else WIDEBAND_HZ


_CONNECTION: Final = re.compile(
    r"^(?P<line>c=|o=\S+ \S+ \S+ |a=rtcp:\d+ )IN IP[46] (?!0\.0\.0\.0)\S+", re.MULTILINE
)


def with_address(sdp: str, address: str) -> str:
    """The same session at another address of ours: origin, connection and RTCP (RFC 4566, 3605).

    A connection to 0.0.0.0 is a hold of the old kind and stays.
    """
    family = "IP6" if ":" in address else "IP4"
    return _CONNECTION.sub(rf"\g<line>IN {family} {address}", sdp)
