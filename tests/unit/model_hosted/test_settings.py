"""What operators write about engines elsewhere: the examples of the docs, and what goes wrong."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from trunkline.domain.errors import ConfigError
from trunkline.model.far_keys import far_key
from trunkline.model.registry import EngineLoader
from trunkline.runtime.engine_settings import HostedChatSettings, UpstreamSettings
from trunkline.runtime.settings import Settings

DOCS = Path(__file__).parents[3] / "docs/models.md"
URL = "https://api.example.com/v1"


def test_the_examples_of_the_docs_are_taken() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    documents = [tomllib.loads(block) for block in blocks]
    read = [Settings(**document) for document in documents]
    hosted = next(one.hosted for one in read if one.hosted.chat is not None)
    assert hosted.transcription is not None and hosted.speech is not None
    assert hosted.speech.voices == {"coral": "nova"}
    assert any(one.upstream is not None for one in read)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"base_url": "api.example.com"}, "http or https URL"),
        ({"base_url": "ftp://api.example.com"}, "http or https URL"),
        ({"base_url": "https://user:secret@api.example.com/v1"}, "no credentials in the URL"),
        ({"base_url": f"{URL}?key=secret"}, "must end with its path"),
        ({"key_env": "A", "key_file": "b"}, "not in both"),
        ({"key": "sk-secret"}, "Extra inputs"),
        ({"retries": 50}, "less than or equal to 5"),
    ],
)
def test_a_wrong_setting_is_named(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        HostedChatSettings(**{"base_url": URL, "model": "m", **wrong})


def test_a_rollover_must_come_before_the_limit() -> None:
    with pytest.raises(ValidationError, match="below session_limit_s"):
        UpstreamSettings(base_url=URL, model="m", rollover_after_s=3600)


def test_keys_are_found_by_name_and_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sk-in-a-file\n")
    by_file = HostedChatSettings(base_url=URL, model="m", key_file=file)
    assert far_key("x", by_file).get_secret_value() == "sk-in-a-file"
    by_name = HostedChatSettings(base_url=URL, model="m", key_env="SOME_KEY")
    found = far_key("x", by_name, {"SOME_KEY": "sk-1"})
    assert found.get_secret_value() == "sk-1" and "sk-1" not in repr(found)
    assert not far_key("x", HostedChatSettings(base_url=URL, model="m")).get_secret_value()
    for settings, environment, words in (
        (by_name, {}, "SOME_KEY, which is not set"),
        (by_name, {"SOME_KEY": "two words"}, "characters that no header may have"),
        (by_file.model_copy(update={"key_file": tmp_path / "none"}), {}, "cannot be read"),
    ):
        with pytest.raises(ConfigError, match=words) as caught:
            far_key("[hosted.chat]", settings, environment)
        assert "two words" not in caught.value.message


@pytest.mark.parametrize(
    ("engine", "words"), [("cascade-hosted", r"\[hosted\.chat\]"), ("upstream", r"\[upstream\]")]
)
def test_an_engine_that_is_not_configured_says_what_to_write(engine: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        EngineLoader(Settings()).load(engine)
