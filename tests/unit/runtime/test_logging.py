"""What reaches a log line, and what never does."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from trunkline.runtime.logging import REDACTED, configure_logging, get_logger, redact_text

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure_logging("test", log_format="json", stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_fields_with_a_pii_segment_are_redacted_at_any_depth(lines: Lines) -> None:
    get_logger("a").info("turn ended", pii_text="my number", turn={"caller_pii": "x", "seq": 3})
    (line,) = lines()
    assert line["pii_text"] == REDACTED
    assert line["turn"] == {"caller_pii": REDACTED, "seq": 3}
    assert line["event"] == "turn ended"
    assert line["process"] == "test"


def test_a_line_from_another_thread_names_its_process_too(lines: Lines) -> None:
    thread = threading.Thread(target=lambda: get_logger("a").info("written"))
    thread.start()
    thread.join()
    assert lines()[0]["process"] == "test"


@pytest.mark.parametrize("key", ["password", "api_key", "trunk_secret", "token", "authorization"])
def test_secrets_are_redacted_by_their_key(lines: Lines, key: str) -> None:
    get_logger("a").warning("x", **{key: "hush"})
    assert lines()[0][key] == REDACTED


def test_numbers_and_bearers_inside_foreign_texts_are_redacted(lines: Lines) -> None:
    logging.getLogger("foreign").error("INVITE from 4915112345678 with Bearer abc123 failed")
    text = str(lines()[0]["event"])
    assert "4915112345678" not in text
    assert "abc123" not in text


def test_the_words_of_an_exception_are_redacted_too(lines: Lines) -> None:
    get_logger("a").error("it broke", problem=ValueError("caller 44172908 said no"))
    assert "44172908" not in json.dumps(lines()[0])


@pytest.mark.parametrize(
    "text", ["INVITE took 320 ms", "port 20000-23999", "2026-11-21T09:00:00Z", "call_7kd92"]
)
def test_ordinary_texts_stay_as_they_are(text: str) -> None:
    assert redact_text(text) == text


def test_a_password_in_a_url_is_redacted() -> None:
    assert redact_text("postgresql://trunkline:hush@db/x") == (
        f"postgresql://trunkline:{REDACTED}@db/x"
    )
