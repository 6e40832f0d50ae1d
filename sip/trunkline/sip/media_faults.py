"""Why no audio comes: the likely cause, from what was and was not received."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NOTICED_AFTER_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class MediaEvidence:
    """Of the stream that is up now; ``before`` counts packets of the call's earlier streams.

    Addresses are ``host:port``; ``came_from`` is where the latest packet came from, whether it
    could be used or not, and empty when none came at all.
    """

    packets: int
    before: int = 0
    strangers: int = 0
    misfits: int = 0
    came_from: str = ""
    negotiated: str = ""
    ours: str = ""
    is_encrypted: bool = False


def likely_cause(seen: MediaEvidence) -> str:
    """One sentence for whoever reads the call's record."""
    came = seen.came_from if not seen.came_from.startswith("0.0.0.0") else ""
    if seen.strangers:
        return (
            f"packets came from addresses that were not negotiated ({seen.strangers} of them) and"
            f" none from {seen.negotiated}"
        )
    if seen.misfits:
        return (
            f"packets come from {came or seen.negotiated} with a payload type that was not"
            f" negotiated ({seen.misfits} of them)"
        )
    if seen.packets:
        return "audio came and then stopped: the far end or the network fell silent"
    if seen.before:
        # ``came_from`` may still tell of the session before.
        keys = ", or its SRTP keys do not fit" if seen.is_encrypted else ""
        return f"audio stopped with a re-INVITE: nothing comes to the new session{keys}"
    if came and seen.is_encrypted:
        return (
            f"packets come from {came} and none can be authenticated: the SRTP keys do not fit what"
            " SDP said"
        )
    if came:
        return f"packets come from {came} and are no RTP that can be read"
    return (
        f"not one packet came from {seen.negotiated} to {seen.ours}: a firewall, or SDP named an"
        " address that cannot be reached (TRUNKLINE_PUBLIC_ADDRESS)"
    )
