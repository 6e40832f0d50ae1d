"""Two texts side by side."""

from __future__ import annotations

from trunkline.dashboard.flow_compare import Row, compare

OLD = "steps:\n  hello: {say: Hello.}\n  bye: {say: Goodbye.}\n"


def told(row: Row) -> tuple[str, str, str]:
    sides = ["".join(p.text for p in side.pieces) if side else "" for side in (row.old, row.new)]
    return row.kind, *sides  # type: ignore[return-value]


def test_a_changed_line_stands_beside_what_it_became_with_the_difference_marked() -> None:
    compared = compare(OLD, OLD.replace("Hello.", "Hallo."))
    changed = [row for row in compared.rows if row.kind == "changed"]
    assert len(changed) == 1 and (compared.added, compared.removed) == (1, 1)
    old, new = changed[0].old, changed[0].new
    assert old is not None and new is not None and (old.line, new.line) == (2, 2)
    assert [piece.text for piece in new.pieces if piece.is_other] == ["Hallo"]
    assert [piece.text for piece in old.pieces if piece.is_other] == ["Hello"]


def test_lines_without_a_counterpart_stand_alone() -> None:
    compared = compare(OLD, OLD.replace("  hello: {say: Hello.}\n", "") + "  more: {say: More.}\n")
    assert [told(row) for row in compared.rows] == [
        ("same", "steps:", "steps:"),
        ("removed", "  hello: {say: Hello.}", ""),
        ("same", "  bye: {say: Goodbye.}", "  bye: {say: Goodbye.}"),
        ("added", "", "  more: {say: More.}"),
    ]


def test_lines_that_have_nothing_in_common_are_not_marked_letter_by_letter() -> None:
    compared = compare("abcdefgh\n", "12345678\n")
    (row,) = compared.rows
    assert row.new is not None and [piece.is_other for piece in row.new.pieces] == [False]


def test_equal_texts_have_no_rows() -> None:
    assert compare(OLD, OLD).rows == ()
