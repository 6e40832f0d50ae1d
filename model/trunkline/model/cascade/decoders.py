"""Decoders of pocketsphinx: an n-gram search and a grammar search over the same audio.

Each hears every frame as it comes. Where the two agree, the text is right 99 times in 100; where
they do not, the n-gram's own probability says whether to ask or to reject (triage.py).
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, Final

from trunkline.model.cascade.acoustics import (
    Band,
    carried_mean,
    decoder_settings,
    model_directory,
)
from trunkline.model.cascade.heard import Heard, HeardWord
from trunkline.model.cascade.language_model import SearchFiles

_FRAME_MS: Final = 10
_VARIANT: Final = re.compile(r"\(\d+\)$")
_SEARCH: Final = "expected"
_ALTERNATIVES: Final = 5


class DecoderPair:
    """The two searches of one expectation; hears one utterance at a time."""

    def __init__(self, files: SearchFiles, band: Band, has_transform: bool = True) -> None:
        from pocketsphinx import Config, Decoder  # here: only recogniser processes load it

        self.key = (files.key, band)
        self._mean_before = ""
        self.next_mean = ""
        """The mean of this line, to begin the caller's next turn with; known after ``finish``."""
        shared = decoder_settings(band, has_transform) | {"dict": str(files.dictionary)}
        self._ngram = Decoder(Config(**(shared | {"lm": str(files.language_model)})))
        # Best path adds 60 ms to the grammar search and changes nothing.
        self._grammar = Decoder(Config(**(shared | {"bestpath": False})))
        fsg = self._grammar.create_fsg(
            _SEARCH, 0, files.final, [_transition(arc) for arc in files.arcs]
        )
        self._grammar.add_fsg(_SEARCH, fsg)
        self._grammar.activate_search(_SEARCH)

    def begin(self, cepstral_mean: str) -> None:
        self._mean_before = cepstral_mean
        for decoder in (self._ngram, self._grammar):
            decoder.set_cmn(cepstral_mean)
            decoder.start_utt()

    def feed(self, pcm: bytes) -> None:
        self._ngram.process_raw(pcm)
        self._grammar.process_raw(pcm)

    def hear_again(self, pcm: bytes, start_ms: int = 0) -> tuple[Heard, Heard]:
        """The whole utterance with its own mean, after ``finish``; words begin at ``start_ms``.

        In noise the line's mean is not what was expected: pink noise 20 dB below the voice leaves
        36 % of the turns right while streaming and 72 % in this second hearing.
        """
        for decoder in (self._ngram, self._grammar):
            decoder.reinit_feat()  # else the live mean so far is averaged into this one
            decoder.start_utt()
            decoder.process_raw(pcm, full_utt=True)
        return self._end(start_ms)

    def partial(self) -> str:
        """The text so far; it may still change."""
        best = self._ngram.hyp()
        return best.hypstr if best else ""

    def finish(self) -> tuple[Heard, Heard]:
        """What the n-gram and what the grammar search heard."""
        heard = self._end()
        mean = str(self._ngram.get_cmn(True))
        self.next_mean = carried_mean(self._mean_before, mean, self._ngram.n_frames())
        return heard

    def _end(self, start_ms: int = 0) -> tuple[Heard, Heard]:
        self._ngram.end_utt()
        self._grammar.end_utt()
        return (
            _heard(self._ngram, start_ms, has_lattice=True),
            _heard(self._grammar, start_ms),
        )


class GeneralDecoder:
    """The general model with its full dictionary: 89 MB, a quarter of a core, and often wrong."""

    key: Final = ("general", None)

    def __init__(self, band: Band, has_transform: bool = True) -> None:
        from pocketsphinx import Config, Decoder  # here: only recogniser processes load it

        directory = model_directory()
        settings = decoder_settings(band, has_transform) | {
            "lm": str(directory / "en-us.lm.bin"),
            "dict": str(directory / "cmudict-en-us.dict"),
        }
        self.band = band
        self._mean_before = ""
        self.next_mean = ""
        self._decoder = Decoder(Config(**settings))

    def begin(self, cepstral_mean: str) -> None:
        self._mean_before = cepstral_mean
        self._decoder.set_cmn(cepstral_mean)
        self._decoder.start_utt()

    def feed(self, pcm: bytes) -> None:
        self._decoder.process_raw(pcm)

    def partial(self) -> str:
        best = self._decoder.hyp()
        return best.hypstr if best else ""

    def finish(self) -> Heard:
        self._decoder.end_utt()
        mean = str(self._decoder.get_cmn(True))
        self.next_mean = carried_mean(self._mean_before, mean, self._decoder.n_frames())
        return _heard(self._decoder, has_lattice=True)


class IdleDecoders:
    """Decoders between turns, by what they listen for; the longest unused one makes room."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._idle: OrderedDict[int, DecoderPair] = OrderedDict()

    def take(self, key: tuple[str, Band]) -> DecoderPair | None:
        for number, pair in self._idle.items():
            if pair.key == key:
                return self._idle.pop(number)
        return None

    def give(self, pair: DecoderPair) -> None:
        self._idle[id(pair)] = pair
        while len(self._idle) > self._limit:
            self._idle.popitem(last=False)

    def __contains__(self, key: tuple[str, Band]) -> bool:
        return any(pair.key == key for pair in self._idle.values())


def _transition(arc: tuple[int, int, float, str | None]) -> tuple[Any, ...]:
    source, target, weight, word = arc
    return (source, target, weight) if word is None else (source, target, weight, word)


def _heard(decoder: Any, start_ms: int = 0, *, has_lattice: bool = False) -> Heard:
    best = decoder.hyp()
    if best is None or not best.hypstr:
        return Heard()
    others: tuple[str, ...] = ()
    if has_lattice:
        others = tuple(_other_texts(decoder, best.hypstr))
    return Heard(
        best.hypstr,
        min(1.0, float(best.prob)),
        tuple(_words(decoder, start_ms, has_lattice)),
        others,
    )


def _words(decoder: Any, start_ms: int, has_lattice: bool) -> Iterator[HeardWord]:
    for segment in decoder.seg():
        word = _VARIANT.sub("", segment.word)
        if word.startswith(("<", "[", "+")) or word == "(NULL)":
            continue
        start = start_ms + segment.start_frame * _FRAME_MS
        end = start_ms + (segment.end_frame + 1) * _FRAME_MS
        yield HeardWord(word, start, end, min(1.0, float(segment.prob)) if has_lattice else None)


def _other_texts(decoder: Any, best: str) -> Iterator[str]:
    seen = {best}
    try:
        candidates = decoder.nbest()
    except RuntimeError:
        return  # no lattice: nothing else was in the running
    for _, other in zip(range(_ALTERNATIVES * 4), candidates, strict=False):
        text = other.hypstr if other else ""
        if text and text not in seen:
            seen.add(text)
            yield text
        if len(seen) > _ALTERNATIVES:
            return
