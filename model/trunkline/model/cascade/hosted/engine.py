"""The engine ``cascade-hosted``: the ports that ``[hosted]`` names, the local ones behind them."""

from __future__ import annotations

from typing import Final

from trunkline.domain.clock import SystemClock
from trunkline.domain.errors import ConfigError
from trunkline.model.cascade.engine import SPARE_SESSIONS, CascadeEngine
from trunkline.model.cascade.hosted.chat import GeneratorWithSpare, HostedGenerator
from trunkline.model.cascade.hosted.ears import HostedRecognizer
from trunkline.model.cascade.hosted.http import HostedEndpoint
from trunkline.model.cascade.hosted.speech import HostedSpeech
from trunkline.model.cascade.local_generator import LocalGenerator
from trunkline.model.cascade.local_ports import LocalPorts
from trunkline.model.cascade.ports import Generator, Recognizer, Synthesizer
from trunkline.model.far_keys import far_key
from trunkline.runtime.engine_settings import HostedPortSettings
from trunkline.runtime.settings import Settings

NAME: Final = "cascade-hosted"
_PATHS: Final = {
    "transcription": "/audio/transcriptions",
    "chat": "/chat/completions",
    "speech": "/audio/speech",
}


def create_hosted_engine(settings: Settings, local: LocalPorts) -> CascadeEngine:
    """Raises ConfigError when no port is hosted, or a key is not where it should be."""
    hosted = settings.hosted
    if hosted.transcription is None and hosted.chat is None and hosted.speech is None:
        raise ConfigError(
            f"the engine {NAME} needs [hosted.transcription], [hosted.chat] or [hosted.speech] in "
            "the file that TRUNKLINE_CONFIG names"
        )
    ears: Recognizer = local.ears
    brain: Generator | None = None
    voice = hosted_voice(settings, local)
    if hosted.transcription is not None:
        endpoint = _endpoint("transcription", hosted.transcription)
        ears = HostedRecognizer(endpoint, hosted.transcription, ears)
    if hosted.chat is not None:
        spoken = HostedGenerator(_endpoint("chat", hosted.chat), hosted.chat)
        brain = GeneratorWithSpare(spoken, LocalGenerator(SystemClock()))
    is_heard_here = hosted.transcription is None or hosted.transcription.local_partials
    return CascadeEngine(
        ears,
        voice,
        max_sessions=settings.max_calls + SPARE_SESSIONS,
        generator=brain,
        name=NAME,
        has_partials=is_heard_here,
        has_word_times=hosted.speech is None,
        has_word_probabilities=hosted.transcription is None,
        sees_images=hosted.chat is not None and hosted.chat.sees_images,
        foresees=hosted.transcription is None,
        # What is thought and said in vain elsewhere is charged for.
        rehearses=hosted.chat is None and hosted.speech is None,
    )


def hosted_voice(settings: Settings, local: LocalPorts) -> Synthesizer:
    """The hosted voice with the local one behind it, or the local one alone."""
    wanted = settings.hosted.speech
    if wanted is None:
        return local.voice
    return HostedSpeech(_endpoint("speech", wanted), wanted, local.voice)


def _endpoint(port: str, settings: HostedPortSettings) -> HostedEndpoint:
    return HostedEndpoint(port, _PATHS[port], settings, far_key(f"[hosted.{port}]", settings))
