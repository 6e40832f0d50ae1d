"""The upstream engine: capabilities by what the far end is, one key, one way to it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final

from pydantic import SecretStr

from trunkline.domain.errors import ConfigError, EngineBusy, EngineError
from trunkline.model.cascade.ports import Synthesizer
from trunkline.model.engine import EngineCapabilities, EngineConfig
from trunkline.model.far_keys import far_key
from trunkline.model.upstream.far_errors import upstream_refusal
from trunkline.model.upstream.far_session import FarSession
from trunkline.model.upstream.session import UpstreamSession
from trunkline.model.upstream.session_document import FarDialect
from trunkline.model.upstream.tolerant import tolerant_protocol
from trunkline.model.upstream.turns import Turn
from trunkline.model.upstream.word_clock import Pace
from trunkline.realtime import server_events as ev
from trunkline.realtime.beta_client import BETA_HEADER
from trunkline.realtime.client import RealtimeClient
from trunkline.realtime.session import format_rate_hz
from trunkline.runtime.engine_settings import UpstreamSettings
from trunkline.runtime.reach import Reach
from trunkline.runtime.settings import Settings
from trunkline.runtime.supervision import Nursery

NAME: Final = "upstream"
_SPARE_SESSIONS: Final = 16
_MAX_UNSENT_BYTES: Final = 16 * 1024 * 1024  # a conversation and two minutes of speech told again


class UpstreamEngine:
    name = NAME

    """``speech`` says lines outside any session, which a Realtime endpoint has no way to."""

    def __init__(
        self,
        settings: UpstreamSettings,
        key: SecretStr,
        *,
        max_sessions: int = 64,
        speech: Synthesizer | None = None,
    ) -> None:
        self.speech = speech
        self._settings = settings
        self._key = key
        self._max_sessions = max_sessions
        self._dialect = FarDialect(settings)
        self._reach = Reach.of_hosts((settings.base_url,))
        self._tasks = Nursery(NAME)
        self._sessions: set[UpstreamSession] = set()
        rate_hz = format_rate_hz(self._dialect.audio_format)
        self.capabilities = EngineCapabilities(
            partial_transcripts=settings.is_trunkline,
            word_times=settings.is_trunkline,
            tools=True,
            input_rate_hz=rate_hz,
            output_rate_hz=rate_hz,
        )

    async def start(self) -> None:
        """Nothing is said to the far end before somebody is there."""
        if self.speech is not None:
            await self.speech.warm_up()

    async def open_session(self, session_id: str, config: EngineConfig) -> UpstreamSession:
        """Raises EngineBusy, or the EngineError that the far end's refusal means."""
        self._sessions = {one for one in self._sessions if not one.is_closed}
        if len(self._sessions) >= self._max_sessions:
            raise EngineBusy(f"all {self._max_sessions} sessions of this engine are taken")
        pace = Pace()

        async def open_far(
            config: EngineConfig,
            on_turn: Callable[[Turn, ev.ServerEvent], None],
            on_speaking: Callable[[str], None],
        ) -> FarSession:
            return await self._far(FarSession(self._dialect, pace, on_turn, on_speaking), config)

        session = UpstreamSession(self._dialect, config, open_far, self._tasks)
        self._sessions.add(session)
        try:
            await session.begin()
        except BaseException:  # a cancelled opening too must not keep its place
            await session.aclose()
            raise
        return session

    async def _far(self, far: FarSession, config: EngineConfig) -> FarSession:
        settings = self._settings
        stack = AsyncExitStack()
        try:
            client = await stack.enter_async_context(
                RealtimeClient.connect(
                    settings.base_url,
                    api_key=self._key.get_secret_value(),
                    model=settings.model,
                    connect_timeout_s=settings.connect_timeout_s,
                    max_unsent_bytes=_MAX_UNSENT_BYTES,
                    protocol=tolerant_protocol(settings.generation),
                    headers={**settings.headers, **self._generation_header()},
                    reach=self._reach,
                )
            )
            await far.open(client, stack, self._tasks)
            await far.configure(config)
        except BaseException as exc:  # a cancelled opening too must close what it opened
            await stack.aclose()
            if isinstance(exc, EngineError):
                raise upstream_refusal(exc) from None
            raise
        return far

    def _generation_header(self) -> dict[str, str]:
        return dict(BETA_HEADER) if self._settings.generation == "beta" else {}

    async def aclose(self) -> None:
        for session in list(self._sessions):
            await session.aclose()
        self._sessions.clear()
        await self._tasks.drain(1.0)
        if self.speech is not None:
            await self.speech.aclose()


def create_engine(settings: Settings, speech: Callable[[], Synthesizer | None]) -> UpstreamEngine:
    """Raises ConfigError when it is not configured, or its key is not where it should be."""
    if settings.upstream is None:
        raise ConfigError(
            "the engine upstream needs [upstream] in the file that TRUNKLINE_CONFIG names"
        )
    return UpstreamEngine(
        settings.upstream,
        far_key("[upstream]", settings.upstream),
        max_sessions=settings.max_calls + _SPARE_SESSIONS,
        speech=speech(),
    )
