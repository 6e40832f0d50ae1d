"""What a mail about an approval says: the ask in one sentence, and no more than may leave. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Final

from trunkline.domain.house_rules import MailedArguments
from trunkline.domain.masking import masked, masked_sentence, values_of
from trunkline.storage.approval_notices import Notice
from trunkline.storage.approval_views import Parked

_PREFIX: Final = {
    Notice.ASKED: "Approve?",
    Notice.ESCALATED: "Escalated to you:",
    Notice.EDITED: "Changed, approve?",
    Notice.REMINDER: "Reminder:",
}


@dataclass(frozen=True, slots=True)
class MailText:
    subject: str
    plain: str
    html: str


def mail_text(
    parked: Parked,
    notice: Notice,
    now: datetime,
    *,
    shows: MailedArguments,
    inbox_url: str = "",
    decide_url: str = "",
) -> MailText:
    """``decide_url``: the recipient's own link; empty where people cannot reach us by links."""
    approval = parked.approval
    amount = "" if approval.amount is None else str(approval.amount)
    subject = " ".join(part for part in (_PREFIX[notice], approval.tool, amount) if part)
    question = _question(parked, shows)
    facts = [
        *_arguments(parked, shows),
        ("Caller", "identity verified" if parked.is_verified else "not verified"),
        ("Agreed", f"{len(approval.grants)} of {approval.grants_needed}"),
        ("Time left", _left(approval.sla_at, now)),
        ("Expires", f"{approval.expires_at:%H:%M:%S} UTC"),
    ]
    ways = [
        ("Decide (for you alone, counts once)", decide_url),
        ("In the dashboard", inbox_url),
    ]
    ways = [(words, url) for words, url in ways if url]
    plain = [question, "", *(f"{name}: {value}" for name, value in facts), ""]
    plain += [f"{words}:\n{url}" for words, url in ways]
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td><b>{escape(value)}</b></td></tr>" for name, value in facts
    )
    links = "".join(
        f'<p><a href="{escape(url)}" rel="noreferrer">{escape(words)}</a></p>'
        for words, url in ways
    )
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="referrer" content="no-referrer"></head><body>'
        f"<p><b>{escape(question)}</b></p><table>{rows}</table>{links}</body></html>"
    )
    return MailText(subject, "\n".join(plain) + "\n", html)


def _question(parked: Parked, shows: MailedArguments) -> str:
    approval = parked.approval
    if not parked.question or shows is MailedArguments.NONE:
        return f"Run {approval.tool}?"
    if shows is MailedArguments.FULL:
        return parked.question
    # The question was asked of the first arguments; an edit may have changed them since.
    hidden = masked_sentence(parked.question, parked.asked_arguments, approval.policy.amount_field)
    return masked_sentence(hidden, approval.arguments, approval.policy.amount_field)


def _arguments(parked: Parked, shows: MailedArguments) -> Iterator[tuple[str, str]]:
    amount_field = parked.approval.policy.amount_field
    for path, value in values_of(parked.approval.arguments):
        if path == amount_field or shows is MailedArguments.FULL:
            yield path, value
        elif shows is MailedArguments.MASKED:
            yield path, masked(value)


def _left(until: datetime, now: datetime) -> str:
    seconds = max(0, int((until - now).total_seconds()))
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
