"""Engine names to engines; a module is imported only when its engine is asked for.

``cascade`` is the embedded default. ``scripted`` answers by rote; ``scripted:FILE`` reads a script.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trunkline.domain.errors import ConfigError
from trunkline.model.engine import Engine, SpeechSynthesis
from trunkline.runtime.settings import Settings

ENGINE_NAMES: Final = ("cascade", "scripted")
# What unchanged clients ask for; they get this server's default engine.
_ALIASES: Final = ("gpt-realtime", "gpt-4o-realtime", "gpt-4o-mini-realtime", "gpt-audio")


@dataclass(frozen=True, slots=True)
class LoadedEngine:
    """An engine and the voice it lends to ``/v1/audio/speech``; ``name`` is how clients ask."""

    name: str
    engine: Engine
    speech: SpeechSynthesis | None


def load_engine(setting: str, settings: Settings) -> LoadedEngine:
    """``setting`` is TRUNKLINE_ENGINE; ConfigError says which names there are."""
    name, _, argument = setting.partition(":")
    match name:
        case "cascade":
            # By name: whoever runs another engine needs none of the cascade's libraries.
            module = importlib.import_module("trunkline.model.cascade.engine")
            engine = module.create_engine(settings)
        case "scripted":
            from trunkline.model.script import Script, read_script
            from trunkline.model.scripted import ScriptedEngine

            engine = ScriptedEngine(read_script(Path(argument)) if argument else Script())
        case _:
            raise ConfigError(
                f"TRUNKLINE_ENGINE is {setting!r}; it must be one of {', '.join(ENGINE_NAMES)}"
            )
    return LoadedEngine(name, engine, engine.speech)


class Engines:
    """The engines of one server: the default first."""

    def __init__(self, loaded: tuple[LoadedEngine, ...]) -> None:
        if not loaded:
            raise ConfigError("a model server needs at least one engine")
        self.loaded = loaded

    @property
    def default(self) -> LoadedEngine:
        return self.loaded[0]

    def find(self, model: str | None) -> LoadedEngine | None:
        """The engine a client means: one of ours by name, or the default under a known alias or
        without a name; None for a model nobody here has."""
        if not model:
            return self.default
        for one in self.loaded:
            if model in (one.name, f"trunkline-{one.name}"):
                return one
        if model == "trunkline" or model.startswith(_ALIASES):
            return self.default
        return None

    def names(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.loaded)


def load_engines(settings: Settings) -> Engines:
    wanted = [settings.engine]
    if settings.fallback_engine and settings.fallback_engine != settings.engine:
        wanted.append(settings.fallback_engine)
    return Engines(tuple(load_engine(name, settings) for name in wanted))
