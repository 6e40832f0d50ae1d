"""An approval as an entry of its call's timeline: who had the last word, and what was changed."""

from __future__ import annotations

from trunkline.dashboard.approval_view import written
from trunkline.dashboard.approval_words import deed_words, person_words
from trunkline.domain.approval import OPEN, Deed
from trunkline.storage.views import ApprovalView


def approval_summary(view: ApprovalView) -> str:
    """Who had the last word on it, for a line of a call's timeline."""
    decisive = (Deed.GRANT, Deed.REFUSE, Deed.SETTLE, Deed.EXPIRE, Deed.ABANDON)
    last = next((one for one in reversed(view.deeds) if one.deed in decisive), None)
    if last is None:
        return "not executed" if view.state in OPEN else ""
    edit = next((one for one in reversed(view.deeds) if one.deed is Deed.EDIT), None)
    by = deed_words(last)
    return by if edit is None else f"{by}, changed by {person_words(edit.person_id)}"


def changed_arguments(view: ApprovalView) -> list[tuple[str, str, str]]:
    """Name, what the call asked, and what it was changed to; on the top level."""
    asked, now = view.asked_arguments, view.arguments
    return [
        (name, written(asked.get(name)), written(now.get(name)))
        for name in dict.fromkeys([*asked, *now])
        if asked.get(name) != now.get(name)
    ]
