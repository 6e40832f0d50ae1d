"""The acoustic model and how it is set for a wide band or a telephone line."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any, Final

DATA: Final = Path(__file__).parent / "data"
TELEPHONE_TRANSFORM: Final = DATA / "telephone.mllr"


class Band(StrEnum):
    """WIDE: 130 to 6,800 Hz as the model was trained; NARROW: G.711, 300 to 3,400 Hz."""

    WIDE = "wide"
    NARROW = "narrow"


# Cepstral means of speech, c0 to c12, before the first frame has been heard; without the narrow one
# the first turn of a telephone call is lost (27 % against 74 % right, measured).
# Both are printed by benchmarks/telephone_transform.py.
CEPSTRAL_MEAN: Final = {
    Band.WIDE: "48.04,-1.91,1.56,15.45,-6.20,-1.12,-1.08,-9.23,-2.92,-4.44,4.26,-1.20,-0.33",
    Band.NARROW: "40.78,25.46,-34.55,41.43,-18.86,-7.56,13.68,-29.17,8.02,-8.19,-3.71,8.50,-11.50",
}


_LIVE_WINDOW_FRAMES: Final = 500  # CMN_WIN of pocketsphinx
_LIVE_SHIFT_FRAMES: Final = 300  # CMN_WIN_HWM less CMN_WIN: later frames push earlier ones out
_CARRY_FRAMES: Final = 150


def decoder_settings(band: Band, has_transform: bool = True) -> dict[str, Any]:
    """The part of a decoder's configuration that every search shares.

    ``has_transform``: on a telephone the model's means are moved by the shipped transform.
    """
    settings: dict[str, Any] = {
        "hmm": str(model_directory() / "en-us"),
        "loglevel": "FATAL",
        # Streaming always runs the live mean; "batch" is what a whole utterance at once gets.
        "cmn": "batch",
        "cmninit": CEPSTRAL_MEAN[band],
        "lm": None,
    }
    if band is Band.NARROW and has_transform:
        settings["mllr"] = str(TELEPHONE_TRANSFORM)
    return settings


def carried_mean(before: str, after: str, frames: int) -> str:
    """The mean to begin the next turn with.

    The live mean counts its initial value as 500 frames, so that a short turn hardly moves it;
    here the turn's own mean is recovered from it and weighs more (150 frames for what was before).
    """
    if frames <= 0:
        return before
    counted = min(frames, _LIVE_SHIFT_FRAMES)
    old = [float(value) for value in before.split(",")]
    new = [float(value) for value in after.split(",")]
    own = [
        (late * (_LIVE_WINDOW_FRAMES + counted) - early * _LIVE_WINDOW_FRAMES) / counted
        for early, late in zip(old, new, strict=True)
    ]
    weight = counted / (counted + _CARRY_FRAMES)
    blend = (o + weight * (u - o) for o, u in zip(old, own, strict=True))
    return ",".join(f"{value:.2f}" for value in blend)


def model_directory() -> Path:
    """The English model that the pocketsphinx wheel carries."""
    from pocketsphinx import get_model_path  # here: only recogniser processes load it

    return Path(get_model_path("en-us"))
