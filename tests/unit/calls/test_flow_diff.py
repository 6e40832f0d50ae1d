from __future__ import annotations

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.calls import flow_diff
from trunkline.calls.flow_diff import Change, DiffLine, diff_lines, unified

TEXTS = st.lists(st.sampled_from(["a", "b", "c", "", "- x"]), max_size=30).map("\n".join)


def test_a_changed_line_is_shown_between_its_neighbours() -> None:
    assert diff_lines("one\ntwo\nthree", "one\n2\nthree") == (
        DiffLine(Change.SAME, "one", 1, 1),
        DiffLine(Change.REMOVED, "two", old_line=2),
        DiffLine(Change.ADDED, "2", new_line=2),
        DiffLine(Change.SAME, "three", 3, 3),
    )


def test_what_is_far_from_a_change_is_a_gap() -> None:
    old = "\n".join(map(str, range(40)))
    changes = [line.change for line in diff_lines(old, old.replace("20", "twenty"))]
    assert changes[0] is changes[-1] is Change.GAP
    assert changes.count(Change.SAME) == 6


@given(TEXTS, TEXTS)
def test_the_unified_form_is_what_diff_writes(old: str, new: str) -> None:
    expected = difflib.unified_diff(old.splitlines(), new.splitlines(), "a", "b", lineterm="")
    ours, theirs = unified(old, new, "a", "b"), tuple(expected)
    body = [line for line in ours if not line.startswith("@@")]
    assert body == [line for line in theirs if not line.startswith("@@")]


@given(TEXTS, TEXTS)
def test_added_and_removed_lines_account_for_all_of_the_difference(old: str, new: str) -> None:
    lines = diff_lines(old, new, context=100)
    if lines:
        before = [line.text for line in lines if line.old_line is not None]
        after = [line.text for line in lines if line.new_line is not None]
        assert (before, after) == (old.splitlines(), new.splitlines())
    else:
        assert old.splitlines() == new.splitlines()


def test_texts_too_long_for_a_fine_diff_are_still_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flow_diff, "_FINE_UP_TO_LINES", 10)
    old = "\n".join(map(str, range(40)))
    new = old.replace("20\n21", "twenty")
    lines = diff_lines(old, new)
    assert [line.text for line in lines if line.change is Change.REMOVED] == ["20", "21"]
    assert [line.text for line in lines if line.change is Change.ADDED] == ["twenty"]
