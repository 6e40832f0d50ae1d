"""Estimate how the wide-band acoustic model's means move on a telephone line.

    python benchmarks/telephone_transform.py model/trunkline/model/cascade/data

Phonetically balanced sentences (IEEE Recommended Practice for Speech Quality Measurements, 1969,
lists 1 to 7) are synthesised by flite and espeak-ng, once as they are and once through a G.711 line
(four pass bands, three levels). Frame by frame the telephone's cepstra are regressed on the wide
ones; the matrices go into Sphinx's ``mllr`` format, the mean cepstra of both are printed for
``acoustics.CEPSTRAL_MEAN``. Takes about two minutes; the result is the same every time but for the
voices' breath noise.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pocketsphinx import Config, Decoder

from trunkline.audio.g711 import pcm_to_ulaw, ulaw_to_pcm
from trunkline.audio.resample import resampled
from trunkline.model.cascade.acoustics import model_directory
from trunkline.model.cascade.synthesiser import FliteSynthesiser

Wave = npt.NDArray[np.float64]

SENTENCES = """the birch canoe slid on the smooth planks
glue the sheet to the dark blue background
it is easy to tell the depth of a well
these days a chicken leg is a rare dish
rice is often served in round bowls
the juice of lemons makes fine punch
the box was thrown beside the parked truck
the hogs were fed chopped corn and garbage
four hours of steady work faced us
a large size in stockings is hard to sell
the boy was there when the sun rose
a rod is used to catch pink salmon
the source of the huge river is the clear spring
kick the ball straight and follow through
help the woman get back to her feet
a pot of tea helps to pass the evening
smoky fires lack flame and heat
the soft cushion broke the man's fall
the salt breeze came across from the sea
the girl at the booth sold fifty bonds
the small pup gnawed a hole in the sock
the fish twisted and turned on the bent hook
press the pants and sew a button on the vest
the swan dive was far short of perfect
the beauty of the view stunned the young boy
two blue fish swam in the tank
her purse was full of useless trash
the colt reared and threw the tall rider
it snowed rained and hailed the same morning
read verse out loud for pleasure
hoist the load to your left shoulder
take the winding path to reach the lake
note closely the size of the gas tank
wipe the grease off his dirty face
mend the coat before you go out
the wrist was badly strained and hung limp
the stray cat gave birth to kittens
the young girl gave no clear response
the meal was cooked before the bell rang
what joy there is in living
a king ruled the state in the early days
the ship was torn apart on the sharp reef
sickness kept him home the third week
the wide road shimmered in the hot sun
the lazy cow lay in the cool grass
lift the square stone over the fence
the rope will bind the seven books at once
hop over the fence and plunge in
the friendly gang left the drug store
mesh wire keeps chicks inside""".splitlines()

FLITE_VOICES = ("alloy", "ash", "ballad", "sage", "coral", "verse")
ESPEAK_VOICES = ("en-us", "en-us+f2", "en-us+m3", "en-gb-scotland")
PASS_BANDS_HZ = ((0, 3850), (280, 3450), (200, 3400), (100, 3700))
LEVELS_DB = (-20.0, -28.0, -14.0)
VOICES_A_SENTENCE = 4


async def flite(synthesiser: FliteSynthesiser, text: str, voice: str) -> Wave:
    pcm = b"".join([d.pcm async for d in synthesiser.synthesise(text, voice=voice, speed=1.0)])
    return np.frombuffer(pcm, "<i2").astype(np.float64) / 32768


def espeak(text: str, voice: str) -> Wave:
    command = ["espeak-ng", "-v", voice, "-s", "150", "--stdout", text]
    wave = subprocess.run(command, capture_output=True, check=True).stdout[44:]
    samples = np.frombuffer(wave, "<i2").astype(np.float64) / 32768
    # 22,050 to 16,000 Hz in the frequency domain: cut above 8 kHz, then take fewer points.
    count = len(samples) * 16000 // 22050
    spectrum = np.fft.rfft(samples)[: count // 2 + 1]
    resized: Wave = np.fft.irfft(spectrum, count) * (count / len(samples))
    return resized


def at_level(wave: Wave, level_db: float, chance: np.random.Generator) -> Wave:
    """At an active level, with 300 ms of room at each end and noise 65 dB below full scale."""
    frames = wave[: len(wave) // 160 * 160].reshape(-1, 160)
    energy = (frames**2).mean(axis=1)
    active = np.sqrt(energy[energy > energy.max() * 1e-3].mean())
    room = np.zeros(4800)
    padded = np.concatenate([room, wave * (10 ** (level_db / 20) / active), room])
    return padded + chance.standard_normal(len(padded)) * 10 ** (-65 / 20) * 0.3


def pcm(wave: Wave) -> bytes:
    return np.clip(np.round(wave * 32767), -32768, 32767).astype("<i2").tobytes()


def through_line(wave: Wave, band_hz: tuple[int, int]) -> bytes:
    """8 kHz mu-law of ``wave`` within a pass band, back at 16 kHz."""
    narrow = np.frombuffer(resampled(pcm(wave), 16000, 8000), "<i2") / 32768
    spectrum = np.fft.rfft(narrow)
    hz = np.fft.rfftfreq(len(narrow), 1 / 8000)
    low, high = band_hz
    gain = 1 / np.sqrt((1 + (low / np.maximum(hz, 1)) ** 6) * (1 + (hz / high) ** 16))
    filtered: Wave = np.fft.irfft(spectrum * gain, len(narrow))
    return resampled(ulaw_to_pcm(pcm_to_ulaw(pcm(filtered))), 8000, 16000)


class Cepstra:
    """The decoder's own front end, by way of its feature log."""

    def __init__(self, directory: Path) -> None:
        self._log = directory / "mfc"
        self._dictionary = directory / "words.dict"
        self._dictionary.write_text("yes Y EH S\n")

    def of(self, audio: bytes) -> Wave:
        """Frames by 13 coefficients."""
        shutil.rmtree(self._log, ignore_errors=True)
        self._log.mkdir()
        decoder: Any = Decoder(
            Config(
                hmm=str(model_directory() / "en-us"), dict=str(self._dictionary), lm=None,
                mfclogdir=str(self._log), loglevel="FATAL",
            )
        )  # fmt: skip
        decoder.add_fsg("one", decoder.create_fsg("one", 0, 1, [(0, 1, 1.0, "yes")]))
        decoder.activate_search("one")
        decoder.start_utt()
        decoder.process_raw(audio, full_utt=True)
        decoder.end_utt()
        [path] = self._log.glob("*.mfc")
        raw = path.read_bytes()
        order = ">" if int.from_bytes(raw[:4], "big") == len(raw) // 4 - 1 else "<"
        return np.frombuffer(raw[4:], f"{order}f4").reshape(-1, 13).astype(np.float64)


def regress(source: Wave, target: Wave) -> tuple[Wave, Wave]:
    """Matrix and bias of the least-squares map, with a pull of one frame in 5,000 to identity."""
    extended = np.hstack([source, np.ones((len(source), 1))])
    pull = np.eye(14) * len(source) * 2e-4 * np.diag(source.T @ source / len(source)).mean()
    identity = np.vstack([np.eye(13), np.zeros((1, 13))])
    solved: Wave = np.linalg.solve(
        extended.T @ extended + pull, extended.T @ target + pull @ identity
    )
    return solved[:13].T, solved[13]


def deltas(frames: Wave) -> Wave:
    """c[t+2] - c[t-2], as the model's 1s_c_d_dd features have them."""
    padded = np.pad(frames, ((2, 2), (0, 0)), "edge")
    result: Wave = padded[4:] - padded[:-4]
    return result


def write_mllr(path: Path, parts: list[tuple[Wave, Wave]]) -> None:
    """One class; statics, deltas and double deltas; variances as they are."""
    lines = ["1", str(len(parts))]
    for matrix, bias in parts:
        lines.append("13")
        lines += [" ".join(f"{value:.5f}" for value in row) + " " for row in matrix]
        lines.append(" ".join(f"{value:.5f}" for value in bias) + " ")
        lines.append(" ".join("1.0" for _ in range(13)) + " ")
    path.write_text("\n".join(lines) + "\n")


async def main(directory: Path) -> None:
    synthesiser = FliteSynthesiser()
    wide_frames: list[Wave] = []
    narrow_frames: list[Wave] = []
    wide_means: list[Wave] = []
    narrow_means: list[Wave] = []
    voices = FLITE_VOICES + ESPEAK_VOICES
    with tempfile.TemporaryDirectory() as scratch:
        cepstra = Cepstra(Path(scratch))
        for number, sentence in enumerate(SENTENCES):
            chance = np.random.default_rng(number)
            for turn in range(VOICES_A_SENTENCE):
                voice = voices[(number * 3 + turn * 7) % len(voices)]
                if voice in FLITE_VOICES:
                    wave = await flite(synthesiser, sentence, voice)
                else:
                    wave = espeak(sentence, voice)
                wave = at_level(wave, LEVELS_DB[(number + turn) % 3], chance)
                band = PASS_BANDS_HZ[(number + turn) % len(PASS_BANDS_HZ)]
                wide = cepstra.of(pcm(wave))
                narrow = cepstra.of(through_line(wave, band))
                count = min(len(wide), len(narrow))
                wide, narrow = wide[:count], narrow[:count]
                wide_means.append(wide.mean(axis=0))
                narrow_means.append(narrow.mean(axis=0))
                wide_frames.append(wide - wide.mean(axis=0))
                narrow_frames.append(narrow - narrow.mean(axis=0))
    synthesiser.close()
    source, target = np.concatenate(wide_frames), np.concatenate(narrow_frames)
    matrix, bias = regress(source, target)
    residual = target - source @ matrix.T - bias
    explained = 1 - residual.var(axis=0) / target.var(axis=0)
    moving = regress(
        np.concatenate([deltas(frames) for frames in wide_frames]),
        np.concatenate([deltas(frames) for frames in narrow_frames]),
    )[0]
    zero = np.zeros(13)
    write_mllr(directory / "telephone.mllr", [(matrix, bias), (moving, zero), (moving, zero)])
    print(f"{len(source)} frames of {len(wide_frames)} utterances")
    print("variance explained, c0 to c12:", np.round(explained, 2))
    for name, means in (("wide", wide_means), ("narrow", narrow_means)):
        print(f"cepstral mean {name}:", ",".join(f"{v:.2f}" for v in np.mean(means, axis=0)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
