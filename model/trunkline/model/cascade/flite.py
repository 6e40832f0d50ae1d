"""libflite through ctypes: text to PCM16 in chunks, with word times before the first sample.

flite 2.2 streams: an ``audio_streaming_info`` feature makes the wave synthesiser call back with at
least ``min_buffsize`` samples, and stops when the callback returns CST_AUDIO_STREAM_STOP. When it
first calls back every token has its segments, so the word table is complete before any audio is.
ctypes drops the GIL for the whole of ``utt_synth`` and takes it only inside the callback.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from trunkline.domain.errors import ConfigError

SAMPLE_RATE_HZ: Final = 16_000
_STREAM_CONTINUE: Final = 0
_STREAM_STOP: Final = -1
_BASE_LIBRARIES: Final = ("flite", "flite_cmulex", "flite_usenglish")


class _Wave(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    )


class _StreamingInfo(ctypes.Structure):
    pass


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.POINTER(_Wave),
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.POINTER(_StreamingInfo),
)
_StreamingInfo._fields_ = (
    ("min_buffsize", ctypes.c_int),
    ("asc", _Callback),
    ("utt", ctypes.c_void_p),
    ("item", ctypes.c_void_p),
    ("userdata", ctypes.c_void_p),
)


class _UtteranceHead(ctypes.Structure):
    """The first member of cst_utterance: the features of this utterance alone."""

    _fields_ = (("features", ctypes.c_void_p),)


@dataclass(frozen=True, slots=True)
class TokenTime:
    """One whitespace token of the text and where it lies in the raw audio, in seconds."""

    text: str
    start_s: float
    end_s: float


OnTokens = Callable[[tuple[TokenTime, ...]], None]
OnSamples = Callable[[bytes], bool]
"""Takes PCM16; False stops the synthesis."""


class FliteLibrary:
    """The shared libraries, opened once per process."""

    def __init__(self) -> None:
        for name in _BASE_LIBRARIES:
            library = _open(name)
            if name == "flite":
                self._flite = library
        self._declare()
        self._flite.flite_init()

    def _declare(self) -> None:
        pointer, text = ctypes.c_void_p, ctypes.c_char_p
        signatures: tuple[tuple[str, object, tuple[object, ...]], ...] = (
            ("flite_init", ctypes.c_int, ()),
            ("new_utterance", pointer, ()),
            ("utt_set_input_text", ctypes.c_int, (pointer, text)),
            ("utt_init", pointer, (pointer, pointer)),
            ("utt_synth", pointer, (pointer,)),
            ("delete_utterance", None, (pointer,)),
            ("feat_set", None, (pointer, text, pointer)),
            ("feat_set_float", None, (pointer, text, ctypes.c_float)),
            ("new_audio_streaming_info", ctypes.POINTER(_StreamingInfo), ()),
            ("audio_streaming_info_val", pointer, (pointer,)),
            ("utt_relation", pointer, (pointer, text)),
            ("relation_head", pointer, (pointer,)),
            ("item_next", pointer, (pointer,)),
            ("flite_ffeature_float", ctypes.c_float, (pointer, text)),
            ("flite_ffeature_string", text, (pointer, text)),
        )
        for name, result, arguments in signatures:
            function = getattr(self._flite, name)
            function.restype = result
            function.argtypes = list(arguments)

    def load_voice(self, name: str) -> FliteVoice:
        """A voice of the Debian packages: kal16, awb, rms or slt. Raises ConfigError without it."""
        library = _open(f"flite_cmu_us_{name}")
        register = getattr(library, f"register_cmu_us_{name}")
        register.restype = ctypes.c_void_p
        register.argtypes = [ctypes.c_char_p]
        handle = register(None)
        if not handle:
            raise ConfigError(f"flite could not load its voice {name}: reinstall libflite1")
        return FliteVoice(self._flite, handle)


class FliteVoice:
    """One loaded voice. Its reference counts are not atomic: one thread at a time may use it."""

    def __init__(self, library: ctypes.CDLL, handle: int) -> None:
        self._flite = library
        self._handle = handle

    def synthesise(
        self,
        text: str,
        *,
        stretch: float,
        f0_shift: float,
        chunk_samples: int,
        on_tokens: OnTokens,
        on_samples: OnSamples,
    ) -> None:
        """Blocks until the text is spoken or ``on_samples`` refuses more.

        Raises RuntimeError when flite gives up; an exception of a callback is raised here again.
        """
        flite = self._flite
        state = _Running(flite, on_tokens, on_samples)
        utterance = flite.new_utterance()
        try:
            flite.utt_set_input_text(utterance, text.encode())
            flite.utt_init(utterance, self._handle)
            features = ctypes.cast(utterance, ctypes.POINTER(_UtteranceHead))[0].features
            info = flite.new_audio_streaming_info()
            info[0].min_buffsize = chunk_samples
            info[0].asc = state.callback
            flite.feat_set(features, b"streaming_info", flite.audio_streaming_info_val(info))
            flite.feat_set_float(features, b"duration_stretch", stretch)
            if f0_shift != 1.0:
                flite.feat_set_float(features, b"f0_shift", f0_shift)
            done = flite.utt_synth(utterance)
        finally:
            flite.delete_utterance(utterance)
        if state.error is not None:
            raise state.error
        if not done and not state.was_stopped:
            raise RuntimeError("flite could not synthesise a text")


class _Running:
    """What the C callback reports into; kept alive for as long as the utterance lives."""

    def __init__(self, library: ctypes.CDLL, on_tokens: OnTokens, on_samples: OnSamples) -> None:
        self._flite = library
        self._on_tokens = on_tokens
        self._on_samples = on_samples
        self._has_tokens = False
        self.was_stopped = False
        self.error: BaseException | None = None
        self.callback = _Callback(self._hear)

    def _hear(
        self,
        wave: ctypes._Pointer[_Wave],
        start: int,
        size: int,
        is_last: int,
        info: ctypes._Pointer[_StreamingInfo],
    ) -> int:
        # An exception cannot cross C: it is kept and raised by ``synthesise``.
        try:
            if not self._has_tokens:
                self._has_tokens = True
                self._on_tokens(self._token_times(info[0].utt))
            if size > 0:
                first = ctypes.cast(wave[0].samples, ctypes.c_void_p).value or 0
                if not self._on_samples(ctypes.string_at(first + start * 2, size * 2)):
                    self.was_stopped = True
                    return _STREAM_STOP
        except BaseException as exc:  # see above
            self.error = exc
            self.was_stopped = True
            return _STREAM_STOP
        return _STREAM_CONTINUE

    def _token_times(self, utterance: int) -> tuple[TokenTime, ...]:
        flite = self._flite
        tokens = []
        item = flite.relation_head(flite.utt_relation(utterance, b"Token"))
        while item:
            name = flite.flite_ffeature_string(item, b"name") or b""
            tokens.append(
                TokenTime(
                    name.decode(errors="replace"),
                    flite.flite_ffeature_float(item, _TOKEN_START),
                    flite.flite_ffeature_float(item, _TOKEN_END),
                )
            )
            item = flite.item_next(item)
        return tuple(tokens)


_TOKEN_START: Final = b"R:Token.daughter1.R:SylStructure.daughter1.daughter1.R:Segment.p.end"
_TOKEN_END: Final = b"R:Token.daughtern.R:SylStructure.daughtern.daughtern.R:Segment.end"


def _open(name: str) -> ctypes.CDLL:
    """By soname, as installed by the package; globally, because the parts need each other."""
    try:
        return ctypes.CDLL(f"lib{name}.so.1", mode=ctypes.RTLD_GLOBAL)
    except OSError:
        found = ctypes.util.find_library(name)
        if found is None:
            raise ConfigError(
                f"the speech synthesiser's library {name} is missing: install libflite1"
            ) from None
        return ctypes.CDLL(found, mode=ctypes.RTLD_GLOBAL)
