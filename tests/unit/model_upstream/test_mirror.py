"""The far end's conversation against a model of one: whatever happens here is true there."""

from __future__ import annotations

from itertools import count
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.model.engine import HistoryItem, ItemRole
from trunkline.model.upstream.mirror import FarItem, Mirror
from trunkline.realtime.client_events import ClientEvent, ItemCreate, ItemDelete, ItemTruncate
from trunkline.realtime.items import FunctionCallItem, FunctionCallOutputItem, item_text

WORDS = ["one", "two", "three", "four", "five"]
_ids = count(1)


class FarConversation:
    """A far end that does as it is told, and complains of nothing it must not be told."""

    def __init__(self) -> None:
        self.items: list[tuple[str, str, str]] = []  # id, role, text
        self.marks: dict[str, tuple[tuple[int, int], ...]] = {}

    def obey(self, events: list[ClientEvent]) -> None:
        for event in events:
            match event:
                case ItemCreate(item=item, previous_item_id=place):
                    at = len(self.items) if place is None else self._behind(place)
                    self.items.insert(at, (str(item.id), *_said(item)))
                case ItemDelete(item_id=item_id):
                    del self.items[self._at(item_id)]
                case ItemTruncate(item_id=item_id, audio_end_ms=end_ms):
                    at = self._at(item_id)
                    _, role, text = self.items[at]
                    assert role == "assistant"
                    kept = max((chars for chars, ms in self.marks[item_id] if ms <= end_ms))
                    self.items[at] = (item_id, role, text[:kept])

    def _at(self, item_id: str) -> int:
        return next(at for at, item in enumerate(self.items) if item[0] == item_id)

    def _behind(self, item_id: str) -> int:
        return 0 if item_id == "root" else self._at(item_id) + 1

    def told(self) -> list[tuple[str, str]]:
        return [(role, text) for _, role, text in self.items]


def _said(item: Any) -> tuple[str, str]:
    if isinstance(item, FunctionCallItem):
        return "function_call", f"{item.name} {item.call_id}"
    if isinstance(item, FunctionCallOutputItem):
        return "function_call_output", f"{item.output} {item.call_id}"
    return str(item.role), item_text(item)


class Both:
    """Our conversation beside the far end's."""

    def __init__(self) -> None:
        self.ours: list[HistoryItem] = []
        self.far = FarConversation()
        self.mirror = Mirror()
        self.far_calls: dict[str, str] = {}  # our call ids to the far end's

    def sync(self) -> None:
        self.far.obey(self.mirror.sync(self.ours))

    def user(self, text: str) -> None:
        self.ours.append(HistoryItem(_id("u"), ItemRole.USER, text=text))

    def spoke(self, text: str) -> None:
        item_id, far_id = _id("u"), _id("far")
        self.ours.append(HistoryItem(item_id, ItemRole.USER, text=text, was_audio=True))
        self.mirror.turn_committed(far_id, item_id)
        self.far.items.append((far_id, "user", text))

    def answered(self, words: int, heard: int) -> None:
        text = " ".join(WORDS[:words])
        marks = tuple((len(" ".join(WORDS[:n])), n * 300) for n in range(1, words + 1))
        far_id = _id("far")
        self.mirror.answered(
            FarItem(far_id, ItemRole.ASSISTANT, text, audio_ms=words * 300.0, marks=marks)
        )
        self.far.items.append((far_id, "assistant", text))
        self.far.marks[far_id] = marks
        said = " ".join(WORDS[:heard])
        self.ours.append(HistoryItem(_id("a"), ItemRole.ASSISTANT, text=said, was_audio=True))

    def called(self, *, is_answered: bool) -> None:
        far_id, far_call, call_id = _id("far"), _id("fc"), _id("c")
        self.mirror.answered(
            FarItem(far_id, ItemRole.FUNCTION_CALL, name="f", arguments="{}", call_id=far_call)
        )
        self.far.items.append((far_id, "function_call", f"f {far_call}"))
        self.far_calls[call_id] = far_call
        self.ours.append(
            HistoryItem(_id("f"), ItemRole.FUNCTION_CALL, name="f", arguments="{}", call_id=call_id)
        )
        if is_answered:
            self.ours.append(
                HistoryItem(_id("o"), ItemRole.FUNCTION_OUTPUT, text="r", call_id=call_id)
            )

    def expected(self) -> list[tuple[str, str]]:
        calls = {item.call_id for item in self.ours if item.role is ItemRole.FUNCTION_CALL}
        told: list[tuple[str, str]] = []
        for item in self.ours:
            call_id = self.far_calls.get(item.call_id, item.call_id)
            match item.role:
                case ItemRole.FUNCTION_CALL:
                    told.append(("function_call", f"{item.name} {call_id}"))
                case ItemRole.FUNCTION_OUTPUT:
                    if item.call_id in calls:
                        told.append(("function_call_output", f"{item.text} {call_id}"))
                case _ if item.text:
                    told.append((item.role.value, item.text))
        return told


def _id(kind: str) -> str:
    return f"{kind}{next(_ids)}"


STEP = st.one_of(
    st.tuples(st.just("user"), st.sampled_from(WORDS)),
    st.tuples(st.just("spoke"), st.sampled_from(WORDS)),
    st.tuples(st.just("answered"), st.integers(1, 5), st.integers(0, 5)),
    st.tuples(st.just("called"), st.booleans()),
    st.tuples(st.just("delete"), st.integers(0, 20)),
    st.tuples(st.just("insert"), st.integers(0, 20), st.sampled_from(list(ItemRole)[:3])),
    st.tuples(st.just("replace"), st.integers(0, 20)),
    st.tuples(st.just("forget"), st.integers(0, 5)),
    st.tuples(st.just("lost")),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(STEP, max_size=15))
def test_the_far_ends_conversation_is_ours_after_every_sync(steps: list[tuple[Any, ...]]) -> None:
    both = Both()
    for step in steps:
        _take(both, step)
        both.sync()
        assert both.far.told() == both.expected()
        both.sync()
        assert both.mirror.sync(both.ours) == []  # and nothing is done twice


def _take(both: Both, step: tuple[Any, ...]) -> None:
    ours = both.ours
    match step:
        case ("user", text):
            both.user(text)
        case ("spoke", text):
            both.spoke(text)
        case ("answered", words, heard):
            both.answered(words, min(words, heard))
        case ("called", is_answered):
            both.called(is_answered=is_answered)
        case ("delete", at) if ours:
            del ours[at % len(ours)]
        case ("insert", at, role):
            ours.insert(at % (len(ours) + 1), HistoryItem(_id("i"), role, text="put in"))
        case ("replace", at) if ours:
            item = ours[at % len(ours)]
            if item.role is ItemRole.ASSISTANT:
                new = HistoryItem(_id("n"), ItemRole.ASSISTANT, text="other words")
                ours[at % len(ours)] = new
        case ("forget", oldest):
            del ours[:oldest]
        case ("lost",):
            both.far, both.mirror, both.far_calls = FarConversation(), Mirror(), {}


def test_only_what_was_heard_of_an_answer_stays_there() -> None:
    both = Both()
    both.user("count")
    both.sync()
    both.answered(5, heard=2)
    (cut,) = both.mirror.sync(both.ours)
    assert isinstance(cut, ItemTruncate)
    assert cut.audio_end_ms == 600


def test_an_answer_nobody_heard_is_taken_out() -> None:
    both = Both()
    both.user("count")
    both.sync()
    both.answered(5, heard=0)
    both.sync()
    assert both.far.told() == [("user", "count")]
