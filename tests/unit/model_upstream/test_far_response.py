"""What a far end sends faster than it is taken is bounded, whatever it is."""

from __future__ import annotations

import pytest

from trunkline.domain.errors import EngineProtocolError
from trunkline.model.engine import ResponsePart, TextDelta
from trunkline.model.upstream import far_response
from trunkline.model.upstream.far_response import FarResponse
from trunkline.model.upstream.word_clock import Pace
from trunkline.realtime.response_events import ResponseTextDelta
from trunkline.realtime.session import PcmFormat


def words(text: str) -> ResponseTextDelta:
    return ResponseTextDelta(
        event_id="e", response_id="r", item_id="i", output_index=0, content_index=0, delta=text
    )


async def test_a_flood_of_words_ends_the_response_once_and_keeps_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(far_response, "MAX_WAITING_BYTES", 10_000)
    response = FarResponse("tag", PcmFormat(), Pace(), is_in_conversation=True)
    for _ in range(1000):
        response.take(words("word "))
    assert response.is_over
    parts: list[ResponsePart] = []
    with pytest.raises(EngineProtocolError):
        while True:
            parts.append(await response.next(0.1))
    assert 10 < len(parts) < 100


async def test_what_is_taken_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(far_response, "MAX_WAITING_BYTES", 10_000)
    response = FarResponse("tag", PcmFormat(), Pace(), is_in_conversation=True)
    for _ in range(1000):
        response.take(words("word "))
        assert await response.next(0.1) == TextDelta("word ")
    assert not response.is_over
