"""What the scripted engine is told to do: a JSON document, checked when it is read.

    {"transcripts": ["what is my balance", {"text": "um", "is_rejected": true, "confidence": 0.2}],
     "speech": {"kind": "tone", "tone_hz": 440, "ms_per_word": 250},
     "replies": [
       {"match": "balance", "tool": {"name": "lookup", "arguments": {"account": "44172908"}}},
       {"match": "slow", "delay_ms": 800, "text": "Sorry for the wait."},
       {"match": "break", "fail": {"code": "engine_error", "message": "as scripted"}},
       {"text": "You said: {last}"}]}

The first reply whose ``match`` (a regular expression, case ignored) is found in the last user text
or function output is taken; ``{last}`` stands for that text. Replies with ``times`` are used up.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from trunkline.domain.errors import ConfigError
from trunkline.domain.events import Json


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ScriptedTranscript(_Part):
    text: str
    confidence: float | None = Field(default=0.99, ge=0.0, le=1.0)
    is_rejected: bool = False
    delay_ms: int = Field(default=0, ge=0)
    partials: bool = True


class ScriptedTool(_Part):
    name: str
    arguments: dict[str, Json] = Field(default_factory=dict)
    synthesised: tuple[str, ...] = ()


class ScriptedFailure(_Part):
    code: str = "engine_error"
    message: str = "as scripted"


class ScriptedReply(_Part):
    """``fail`` after ``text`` (if any) was said. ``delay_ms`` before anything comes."""

    match: str = ""
    text: str = ""
    tool: ScriptedTool | None = None
    fail: ScriptedFailure | None = None
    delay_ms: int = Field(default=0, ge=0)
    times: int | None = Field(default=None, ge=1)

    @field_validator("match")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as exc:
            raise ValueError(f"not a regular expression: {exc}") from None
        return value


class ScriptedSpeech(_Part):
    """``speech``: the local voice instead of tones. ``real_time``: tones come as they sound."""

    kind: Literal["tone", "speech"] = "tone"
    tone_hz: float = Field(default=440.0, gt=0)
    level_dbfs: float = Field(default=-18.0, le=0)
    ms_per_word: int = Field(default=250, ge=20)
    real_time: bool = False


class Script(_Part):
    """``is_shared``: all sessions take their transcripts from one row, in the order they ask."""

    is_shared: bool = False
    transcripts: tuple[ScriptedTranscript | str, ...] = ()
    replies: tuple[ScriptedReply, ...] = (ScriptedReply(text="You said: {last}"),)
    speech: ScriptedSpeech = ScriptedSpeech()

    def transcript(self, number: int) -> ScriptedTranscript:
        """The n-th turn's, from 0; the last repeats; a script without any hears a fixed line."""
        if not self.transcripts:
            return ScriptedTranscript(text="this is the scripted engine")
        found = self.transcripts[min(number, len(self.transcripts) - 1)]
        return found if isinstance(found, ScriptedTranscript) else ScriptedTranscript(text=found)


def read_script(path: Path) -> Script:
    """ConfigError names the file and what is wrong in it."""
    try:
        return Script.model_validate_json(path.read_bytes())
    except OSError as exc:
        raise ConfigError(f"the script {path} cannot be read: {exc.strerror}") from None
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise ConfigError(
            f"the script {path} is wrong at {where or 'its top'}: {first['msg']}"
        ) from None
