"""Engine names to engines; a module is imported only when its engine is asked for.

``cascade`` is the embedded default, ``cascade-hosted`` the same with ports at other servers,
``upstream`` a Realtime endpoint elsewhere. ``scripted`` answers by rote; ``scripted:FILE`` reads a
script.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from trunkline.domain.errors import ConfigError, Invalid, NotFound
from trunkline.model.engine import Engine, SpeechSynthesis
from trunkline.realtime.model_table import ENGINE_NAMES, REALTIME, ModelCard, ModelTable
from trunkline.runtime.logging import get_logger
from trunkline.runtime.model_settings import ModelSettings
from trunkline.runtime.settings import Settings

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LoadedEngine:
    """An engine and the voice it lends to ``/v1/audio/speech``; ``name`` is how clients ask."""

    name: str
    engine: Engine
    speech: SpeechSynthesis | None


class EngineLoader:
    """Loads the engines of one server, whose cascades share what is local."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def load(self, setting: str) -> LoadedEngine:
        """``setting`` is as in TRUNKLINE_ENGINE; ConfigError says which names there are."""
        name, _, argument = setting.partition(":")
        engine: _SpeakingEngine
        match name:
            case "cascade":
                # By name: whoever runs another engine needs none of the cascade's libraries.
                module = importlib.import_module("trunkline.model.cascade.engine")
                engine = module.create_engine(self._settings, self._local)
            case "cascade-hosted":
                module = importlib.import_module("trunkline.model.cascade.hosted.engine")
                engine = module.create_hosted_engine(self._settings, self._local)
            case "upstream":
                module = importlib.import_module("trunkline.model.upstream.engine")
                engine = module.create_engine(self._settings, self._voice_for_lines)
            case "scripted":
                from trunkline.model.script import Script, read_script
                from trunkline.model.scripted import ScriptedEngine

                script = read_script(Path(argument)) if argument else Script()
                is_voiced = script.speech.kind == "speech"
                engine = ScriptedEngine(script, self._local.voice if is_voiced else None)
            case _:
                raise ConfigError(
                    f"there is no engine {setting!r}; there are {', '.join(ENGINE_NAMES)}"
                )
        return LoadedEngine(name, engine, engine.speech)

    def _voice_for_lines(self) -> SpeechSynthesis | None:
        """An upstream cannot read out what is not part of a conversation."""
        try:
            module = importlib.import_module("trunkline.model.cascade.hosted.engine")
            voice: SpeechSynthesis = module.hosted_voice(self._settings, self._local)
        except (ImportError, ConfigError) as exc:
            log.warning("there is no voice for lines beside the upstream", reason=str(exc))
            return None
        return voice

    @cached_property
    def _local(self) -> Any:
        return importlib.import_module("trunkline.model.cascade.local_ports").LocalPorts(
            self._settings
        )


class _SpeakingEngine(Engine, Protocol):
    @property
    def speech(self) -> SpeechSynthesis | None: ...


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A row of the model table and the engine behind it."""

    card: ModelCard
    loaded: LoadedEngine


class Engines:
    """The engines of one server, the default first, and the models they serve."""

    def __init__(
        self, loaded: tuple[LoadedEngine, ...], models: Iterable[ModelSettings] = ()
    ) -> None:
        if not loaded:
            raise ConfigError("a model server needs at least one engine")
        self.loaded = loaded
        self._by_name = {one.name: one for one in loaded}
        self.table = ModelTable(models, self.names())

    @property
    def default(self) -> LoadedEngine:
        return self.loaded[0]

    def serve(self, model: str | None, capability: str = REALTIME) -> ServedModel:
        """The engine a client means by a dated name, an alias, an engine's name or none at all.

        Raises NotFound, or Invalid for a model that cannot do this.
        """
        if not model:
            return ServedModel(self.table.default(), self.default)
        card = self.table.find(model)
        if card is None:
            names = ", ".join(one.name for one in self.table.served())
            raise NotFound(
                f"The model '{model[:64]}' does not exist here; this server has {names}.",
                code="model_not_found",
            )
        if capability not in card.capabilities:
            raise Invalid(
                f"The model '{model[:64]}' cannot be used here: it does "
                f"{', '.join(sorted(card.capabilities))}, not {capability}.",
                code="model_not_supported",
                param="model",
            )
        return ServedModel(card, self._by_name[card.engine])

    def names(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.loaded)


def load_engines(settings: Settings) -> Engines:
    """The default first, then the fallback and what else agents may name; each name once."""
    loader = EngineLoader(settings)
    wanted = [settings.engine, settings.fallback_engine, *settings.engines]
    by_name: dict[str, str] = {}
    for setting in wanted:
        if setting:
            by_name.setdefault(setting.partition(":")[0], setting)
    return Engines(tuple(loader.load(setting) for setting in by_name.values()), settings.models)
