"""One recogniser process: ``python -m trunkline.model.cascade.asr_worker WORK_DIR [options]``.

pocketsphinx never releases the GIL (a decode stalls other threads by 200 ms and more, measured), so
it lives outside the model server. Standard input brings messages (asr_wire.py), standard output
answers them. The process ends when its input does.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

from trunkline.model.cascade.acoustics import CEPSTRAL_MEAN, Band, model_directory
from trunkline.model.cascade.asr_wire import Unpacker, heard_to_json, pack_json
from trunkline.model.cascade.decoders import DecoderPair, GeneralDecoder, IdleDecoders
from trunkline.model.cascade.ear_tuning import EarTuning
from trunkline.model.cascade.expectations import Expectation, expectations
from trunkline.model.cascade.heard import Heard
from trunkline.model.cascade.language_model import SearchFiles, build_search_files
from trunkline.model.cascade.lexicon import Lexicon
from trunkline.model.cascade.line_noise import gated, measured, suppressed
from trunkline.model.cascade.triage import agree

_READ_BYTES: Final = 1 << 16
_PARTIAL_EVERY_BYTES: Final = 3200  # 100 ms
_MAX_PROFILES: Final = 256
_MAX_IDLE: Final = 32
# A turn that was foreseen and goes on is decoded anew, at a twentieth of its length.
_MAX_FORESEEN_BYTES: Final = 8 * 32_000
_CATCH_UP_BYTES: Final = 6400  # 200 ms of it at a time, between messages
# A second hearing costs a twelfth of the turn's length: not for more than this.
_MAX_SECOND_BYTES: Final = 15 * 32_000
_MAX_GENERAL: Final = 3  # decoders of 89 MB each; further turns wait for one

Answer = Callable[[dict[str, Any]], None]


class _Turn:
    """A running turn: audio goes into its decoder, or waits while there is none."""

    def __init__(self, number: int, cepstral_mean: str) -> None:
        self.number = number
        self.cepstral_mean = cepstral_mean
        self.decoder: DecoderPair | GeneralDecoder | None = None
        self.waiting = bytearray()
        self.is_ended = False
        self.audio = bytearray()  # kept for a second hearing
        self.foreseen: dict[str, Any] | None = None  # its final answer, unless it goes on
        self._since_partial = 0
        self._last_partial = ""

    def start(self, decoder: DecoderPair | GeneralDecoder) -> None:
        decoder.begin(self.cepstral_mean)
        self.decoder = decoder
        if self.waiting:
            decoder.feed(bytes(self.waiting))
            self.waiting.clear()

    def feed(self, pcm: bytes) -> str | None:
        """A new partial text when there is one."""
        if self.decoder is None:
            self.waiting += pcm
            return None
        if len(self.audio) <= _MAX_SECOND_BYTES:
            self.audio += pcm
        if self.foreseen is not None:
            return None
        if self.waiting:
            self.waiting += pcm
            return None
        self.decoder.feed(pcm)
        self._since_partial += len(pcm)
        if self._since_partial < _PARTIAL_EVERY_BYTES:
            return None
        self._since_partial = 0
        text = self.decoder.partial()
        if text == self._last_partial:
            return None
        self._last_partial = text
        return text

    def go_on(self) -> None:
        """What was heard as a whole is heard again as a beginning."""
        assert self.decoder is not None  # it was foreseen by one
        self.foreseen = None
        self.decoder.begin(self.cepstral_mean)
        self.waiting = bytearray(self.audio)

    def catch_up(self, most_bytes: int) -> bool:
        """Decode of what waits; True when there is more."""
        assert self.decoder is not None  # it goes on with one
        if self.waiting:
            self.decoder.feed(bytes(self.waiting[:most_bytes]))
            del self.waiting[:most_bytes]
        return bool(self.waiting)


class Recogniser:
    """Turns with expectations: each has its own pair of decoders."""

    def __init__(self, directory: Path, answer: Answer, tuning: EarTuning | None = None) -> None:
        self._directory = directory
        self._tuning = tuning or EarTuning()
        self._answer = answer
        self._lexicon = Lexicon(model_directory() / "cmudict-en-us.dict")
        self._profiles: OrderedDict[str, dict[str, Expectation]] = OrderedDict()
        self._files: OrderedDict[str, SearchFiles] = OrderedDict()
        self._idle = IdleDecoders(_MAX_IDLE)
        self._turns: dict[int, _Turn] = {}
        self._chores: deque[Callable[[], None]] = deque()

    @property
    def has_chores(self) -> bool:
        return bool(self._chores)

    def do_chore(self) -> None:
        """One step of getting ready; done while no message waits."""
        self._chores.popleft()()

    def handle(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "prepare":
                self._chores.append(lambda: self._prepare(message))
            case "begin":
                self._begin(message)
            case "audio":
                turn = self._turns.get(message["turn"])
                if turn is not None and (text := turn.feed(message["pcm"])) is not None:
                    self._answer({"type": "partial", "turn": turn.number, "text": text})
            case "foresee":
                self._foresee(message["turn"], message["nth"])
            case "go_on":
                self._go_on(message["turn"])
            case "end":
                self._end(message["turn"])
            case "drop":
                self._drop(message["turn"])

    def _profile(self, message: dict[str, Any]) -> dict[str, Expectation]:
        key = message["profile"]
        found = self._profiles.get(key)
        if found is None:
            found = expectations(message["tools"], message["prompt"], message["keywords"])
            self._profiles[key] = found
            if len(self._profiles) > _MAX_PROFILES:
                self._profiles.popitem(last=False)
        self._profiles.move_to_end(key)
        return found

    def _prepare(self, message: dict[str, Any]) -> None:
        band = Band(message["band"])
        profile = self._profile(message)
        for expectation in {each.key: each for each in profile.values()}.values():
            self._chores.append(lambda expectation=expectation: self._warm(expectation, band))  # type: ignore[misc]

    def _warm(self, expectation: Expectation, band: Band) -> None:
        files = self._search_files(expectation)
        if files is not None and (files.key, band) not in self._idle:
            self._idle.give(self._new_pair(files, band))

    def _new_pair(self, files: SearchFiles, band: Band) -> DecoderPair:
        return DecoderPair(files, band, self._tuning.has_transform)

    def _search_files(self, expectation: Expectation) -> SearchFiles | None:
        files = self._files.get(expectation.key)
        if files is None:
            files = build_search_files(expectation, self._lexicon, self._directory)
            if files is not None:
                self._files[expectation.key] = files
                if len(self._files) > _MAX_PROFILES:
                    self._files.popitem(last=False)
        return files

    def _begin(self, message: dict[str, Any]) -> None:
        number, band = message["turn"], Band(message["band"])
        expectation = self._profile(message).get(message["focus"])
        files = self._search_files(expectation) if expectation else None
        if files is None:
            self._answer({"type": "failed", "turn": number, "reason": "nothing_expected"})
            return
        turn = _Turn(number, message["cmn"] or CEPSTRAL_MEAN[band])
        turn.start(self._idle.take((files.key, band)) or self._new_pair(files, band))
        self._turns[number] = turn

    def _foresee(self, number: int, nth: int) -> None:
        """The turn may be over: its end is done now, while that becomes certain."""
        turn = self._turns.get(number)
        if turn is None or turn.foreseen is not None or len(turn.audio) > _MAX_FORESEEN_BYTES:
            return
        turn.foreseen = self._heard(turn)
        self._answer(turn.foreseen | {"type": "foreseen", "nth": nth})

    def _go_on(self, number: int) -> None:
        turn = self._turns.get(number)
        if turn is None or turn.foreseen is None:
            return
        turn.go_on()
        self._chores.append(lambda: self._catch_up(turn))

    def _catch_up(self, turn: _Turn) -> None:
        is_running = self._turns.get(turn.number) is turn and turn.foreseen is None
        if is_running and turn.catch_up(_CATCH_UP_BYTES):
            self._chores.appendleft(lambda: self._catch_up(turn))

    def _end(self, number: int) -> None:
        turn = self._turns.pop(number, None)
        if turn is None or not isinstance(turn.decoder, DecoderPair):
            return
        self._answer(turn.foreseen or self._heard(turn))
        self._idle.give(turn.decoder)

    def _heard(self, turn: _Turn) -> dict[str, Any]:
        """What was said, in a turn that is over or may be."""
        assert isinstance(turn.decoder, DecoderPair)  # it was given one at its beginning
        turn.catch_up(len(turn.waiting))
        hearings = [turn.decoder.finish()]
        is_doubtful = any(heard.text for heard in hearings[0]) and not agree(*hearings[0])
        if is_doubtful and len(turn.audio) <= _MAX_SECOND_BYTES:
            hearings += self._second_hearings(turn.decoder, bytes(turn.audio))
        return _final(turn.number, hearings, turn.decoder.next_mean)

    def _second_hearings(self, decoder: DecoderPair, pcm: bytes) -> Iterator[tuple[Heard, Heard]]:
        sound = measured(pcm)
        if sound.is_noisy and self._tuning.suppresses_noise:
            clean = gated(suppressed(pcm), sound)[sound.start : sound.end]
            yield decoder.hear_again(clean, sound.start_ms)
        yield decoder.hear_again(pcm[sound.start : sound.end], sound.start_ms)

    def _drop(self, number: int) -> None:
        turn = self._turns.pop(number, None)
        if turn is not None and isinstance(turn.decoder, DecoderPair):
            if turn.foreseen is None:
                turn.decoder.finish()
            self._idle.give(turn.decoder)


class GeneralRecogniser:
    """Turns without expectations: one large model, few decoders, the rest wait in line."""

    has_chores = False

    def __init__(self, answer: Answer, tuning: EarTuning) -> None:
        self._answer = answer
        self._has_transform = tuning.has_transform
        self._idle: list[GeneralDecoder] = [GeneralDecoder(Band.NARROW, self._has_transform)]
        self._made = 1
        self._turns: dict[int, tuple[_Turn, Band]] = {}

    def do_chore(self) -> None:
        """There are none."""

    def handle(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "begin":
                band = Band(message["band"])
                turn = _Turn(message["turn"], message["cmn"] or CEPSTRAL_MEAN[band])
                self._turns[turn.number] = (turn, band)
                self._assign()
            case "audio":
                entry = self._turns.get(message["turn"])
                if entry is not None and (text := entry[0].feed(message["pcm"])) is not None:
                    self._answer({"type": "partial", "turn": message["turn"], "text": text})
            case "end":
                if message["turn"] in self._turns:
                    self._turns[message["turn"]][0].is_ended = True
                    self._finish_ended()
            case "drop":
                entry = self._turns.pop(message["turn"], None)
                if entry is not None and isinstance(entry[0].decoder, GeneralDecoder):
                    entry[0].decoder.finish()
                    self._idle.append(entry[0].decoder)
                    self._finish_ended()

    def _assign(self) -> None:
        for turn, band in self._turns.values():
            if turn.decoder is not None:
                continue
            decoder = self._decoder(band)
            if decoder is None:
                return
            turn.start(decoder)

    def _decoder(self, band: Band) -> GeneralDecoder | None:
        for decoder in self._idle:
            if decoder.band is band:
                self._idle.remove(decoder)
                return decoder
        if self._idle and self._made >= _MAX_GENERAL:
            self._idle.pop()  # of the other band: make room
            self._made -= 1
        if self._made >= _MAX_GENERAL:
            return None
        self._made += 1
        return GeneralDecoder(band, self._has_transform)

    def _finish_ended(self) -> None:
        ended = True
        while ended:
            self._assign()
            ended = False
            for number, (turn, _) in list(self._turns.items()):
                if turn.is_ended and isinstance(turn.decoder, GeneralDecoder):
                    heard = turn.decoder.finish()
                    self._answer(_final(number, [(heard, None)], turn.decoder.next_mean))
                    self._idle.append(turn.decoder)
                    del self._turns[number]
                    ended = True


def _final(
    number: int, hearings: Sequence[tuple[Heard, Heard | None]], mean: str
) -> dict[str, Any]:
    return {
        "type": "final",
        "turn": number,
        "hearings": [
            [heard_to_json(ngram), heard_to_json(grammar) if grammar is not None else None]
            for ngram, grammar in hearings
        ],
        "cmn": mean,
    }


def serve(
    source: BinaryIO, sink: BinaryIO, directory: Path, tuning: EarTuning, *, is_general: bool
) -> None:
    """Until ``source`` ends."""

    def answer(message: dict[str, Any]) -> None:
        sink.write(pack_json(message))
        sink.flush()

    recogniser = (
        GeneralRecogniser(answer, tuning) if is_general else Recogniser(directory, answer, tuning)
    )
    unpacker = Unpacker()
    answer({"type": "ready"})
    while True:
        if recogniser.has_chores and not select.select([source], [], [], 0)[0]:
            recogniser.do_chore()
            continue
        received = os.read(source.fileno(), _READ_BYTES)
        if not received:
            return
        for message in unpacker.feed(received):
            recogniser.handle(message)


def main(arguments: Sequence[str]) -> None:
    """The parent ends us by closing our input: a terminal's interrupt is for it alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    source, sink = os.fdopen(os.dup(0), "rb", buffering=0), os.fdopen(os.dup(1), "wb")
    # Whatever a library prints must not reach the wire.
    os.dup2(2, 1)
    tuning = EarTuning.from_arguments(arguments[1:])
    serve(source, sink, Path(arguments[0]), tuning, is_general="--general" in arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
