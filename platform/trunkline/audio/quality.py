"""How a call sounded to a person, estimated from what the network did: the E-model, simplified."""

from __future__ import annotations

from typing import Final

_R0: Final = 93.2  # default of ITU-T G.107: no impairment but the codec's own and the delay
_DELAY_KNEE_MS: Final = 177.3
# Equipment impairment and robustness to random loss (ITU-T G.113 appendix I): G.711 with
# concealment. Wideband codecs are held to the same scale: they sound better than this says.
_IE: Final = 0.0
_BPL: Final = 25.1
_PACKETS_MS: Final = 40.0  # one packet is gathered before it is sent, one waits to be played


def mean_opinion(loss: float, jitter_ms: float, rtt_ms: float) -> float:
    """MOS-CQE, 1 (bad) to 4.4 (as good as the telephone gets).

    ``loss`` is the share of packets that were lost or came too late, 0 to 1. Delay impairment by
    Cole and Rosenbluth's fit of G.107; loss by G.107 §7.2 with random loss (BurstR = 1); MOS by
    annex B.
    """
    delay_ms = rtt_ms / 2 + 2 * jitter_ms + _PACKETS_MS
    by_delay = 0.024 * delay_ms + 0.11 * max(0.0, delay_ms - _DELAY_KNEE_MS)
    lost = 100 * min(1.0, max(0.0, loss))
    by_loss = _IE + (95 - _IE) * lost / (lost + _BPL)
    r = min(100.0, max(0.0, _R0 - by_delay - by_loss))
    return max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)
