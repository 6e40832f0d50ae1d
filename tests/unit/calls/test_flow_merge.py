"""Two edits of one text made into one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.calls.flow_merge import merge

BASE = "one\ntwo\nthree\nfour\nfive\n"


def both(mine: str, theirs: str, base: str = BASE) -> tuple[str, int]:
    merged = merge(base, mine, theirs, "yours", "sue")
    return merged.text, merged.conflicts


def test_edits_of_different_places_both_stand() -> None:
    mine, theirs = BASE.replace("one", "ONE"), BASE.replace("five", "FIVE") + "six\n"
    assert both(mine, theirs) == ("ONE\ntwo\nthree\nfour\nFIVE\nsix\n", 0)


def test_the_same_edit_twice_is_one_edit() -> None:
    mine = BASE.replace("three", "3")
    assert both(mine, mine) == (mine, 0)


def test_one_place_in_two_hands_stands_twice_between_markers() -> None:
    merged, conflicts = both(BASE.replace("three", "3"), BASE.replace("three", "III"))
    assert conflicts == 1
    assert merged == "one\ntwo\n<<<<<<< yours\n3\n=======\nIII\n>>>>>>> sue\nfour\nfive\n"


def test_a_deletion_beside_an_untouched_place_is_taken() -> None:
    assert both("one\ntwo\nfive\n", BASE.replace("one", "ONE")) == ("ONE\ntwo\nfive\n", 0)


def test_a_deletion_of_what_the_other_changed_is_a_conflict() -> None:
    merged, conflicts = both("one\ntwo\nfour\nfive\n", BASE.replace("three", "3"))
    assert conflicts == 1 and "3" in merged


@pytest.mark.parametrize("base", ["", BASE])
def test_a_text_that_one_alone_wrote_is_that_text(base: str) -> None:
    assert both("mine\n", base, base) == ("mine\n", 0)
    assert both(base, "theirs\n", base) == ("theirs\n", 0)


LINES = st.lists(st.sampled_from("abcd"), max_size=12).map(
    lambda all_: "".join(f"{c}\n" for c in all_)
)


@given(LINES, LINES, LINES)
def test_no_line_that_one_of_them_wrote_is_lost(base: str, mine: str, theirs: str) -> None:
    merged, conflicts = both(mine, theirs, base)
    assert both(mine, base, base)[0] == mine and both(base, theirs, base)[0] == theirs
    kept = merged.splitlines()
    new = (set(mine.split()) | set(theirs.split())) - set(base.split())
    assert new <= set(kept)
    assert sum(line.startswith("<<<<<<<") for line in kept) == conflicts
    swapped = merge(base, theirs, mine, "sue", "yours")
    assert swapped.conflicts == conflicts
