"""After a storm: what must hold, whatever was killed, and whether it does."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select
from tests.soak.approval_ledger import Ledger
from tests.soak.approval_service import Trouble, trouble_of
from tests.soak.approval_storm import Outcome

from trunkline.domain.approval import (
    CLOSED,
    TABLE,
    ApprovalState,
    Deed,
    binding_hash,
)
from trunkline.domain.approval_json import read_policy, write_policy
from trunkline.jobs.relay import signature, signing_key
from trunkline.storage.approval_inbox import ApprovalInbox
from trunkline.storage.approval_rows import ApprovalDeedRow, ApprovalRow
from trunkline.storage.audit import Audit
from trunkline.storage.engine import Sessions
from trunkline.storage.rows import AuditRow, OutboxRow
from trunkline.storage.secret import installation_secret
from trunkline.storage.views import HOUSE

_SHOWN: Final = 5


@dataclass
class Invariant:
    """``checked``: how many things were looked at; ``broken``: what is wrong, one line each."""

    name: str
    checked: int = 0
    broken: list[str] = field(default_factory=list)

    def check(self, holds: bool, what: str) -> None:
        self.checked += 1
        if not holds:
            self.broken.append(what)


@dataclass
class Books:
    """Everything that is stored, and everything that was done."""

    approvals: Sequence[ApprovalRow]
    deeds: Mapping[str, Sequence[ApprovalDeedRow]]
    links: Mapping[str, Sequence[AuditRow]]
    outbox: Sequence[OutboxRow]
    first_broken_link: int | None
    in_the_inbox: frozenset[str]
    ledger: Ledger


async def read_books(sessions: Sessions, outcome: Outcome) -> Books:
    deeds: dict[str, list[ApprovalDeedRow]] = defaultdict(list)
    links: dict[str, list[AuditRow]] = defaultdict(list)
    async with sessions.reading() as session:
        approvals = list(await session.scalars(select(ApprovalRow)))
        for deed in await session.scalars(select(ApprovalDeedRow).order_by("revision")):
            deeds[deed.approval_id].append(deed)
        wanted = AuditRow.action.startswith("approval.")
        for link in await session.scalars(select(AuditRow).where(wanted).order_by(AuditRow.seq)):
            links[link.subject].append(link)
        outbox = list(await session.scalars(select(OutboxRow)))
        broken = await Audit(session).first_broken()
        waiting = await ApprovalInbox(session).waiting([HOUSE])
    inbox = frozenset(one.parked.approval.approval_id for one in waiting)
    ledger = Ledger(outcome.house.service_log).read()
    return Books(approvals, deeds, links, outbox, broken, inbox, ledger)


def judge(books: Books, outcome: Outcome) -> list[Invariant]:
    return [
        *_effects(books),
        _closed(books),
        _histories(books),
        _audit(books),
        _kept(books, outcome),
        *_webhooks(books, outcome),
        Invariant("stories, processes, spools", 1, list(outcome.troubles)),
    ]


def _granted(deeds: Sequence[ApprovalDeedRow]) -> ApprovalDeedRow | None:
    return next((deed for deed in deeds if deed.state == ApprovalState.GRANTED.value), None)


def _effects(books: Books) -> list[Invariant]:
    one = Invariant("one effect for each granted id")
    none = Invariant("no effect without a grant")
    exact = Invariant("effects carry exactly what was granted")
    known: set[str] = set()
    for row in books.approvals:
        deeds = books.deeds[row.id]
        granted = _granted(deeds)
        account = str(row.arguments["account"])
        effects = books.ledger.effects_of(row.id, account)
        known |= {row.id, account}
        if granted is None:
            none.check(not effects, f"{row.id} {row.state}: {len(effects)} effects")
            continue
        told = f"{row.id} {row.tool} {row.state} trouble {account[0]}: {len(effects)} effects"
        one.check(len(effects) in _wanted_effects(row, deeds), told)
        bound = binding_hash(
            row.tool, row.arguments, row.flow_version, write_policy(read_policy(row.policy))
        )
        exact.check(bound == row.arguments_hash == granted.arguments_hash, f"{row.id}: hash")
        for effect in effects:
            exact.check(effect["body"] == row.arguments, f"{row.id}: {effect['body']}")
    strays = (books.ledger.by_key.keys() | books.ledger.by_account.keys()) - known
    none.check(not strays, f"effects of nothing that was asked: {sorted(strays)[:_SHOWN]}")
    return [one, none, exact]


def _wanted_effects(row: ApprovalRow, deeds: Sequence[ApprovalDeedRow]) -> tuple[int, ...]:
    """How many there may be; a granted payment that failed must have been refused by name."""
    match ApprovalState(row.state):
        case ApprovalState.DONE:
            return (1,)
        case ApprovalState.FAILED:
            was_settled = deeds[-1].deed == Deed.SETTLE.value
            refused = trouble_of(row.arguments["account"]) is Trouble.REFUSE
            return (0,) if was_settled or refused else ()
        case ApprovalState.UNKNOWN:
            return (0, 1)
        case _:
            return ()


def _closed(books: Books) -> Invariant:
    closed = Invariant("closed, or unknown with a human task")
    for row in books.approvals:
        state = ApprovalState(row.state)
        is_task = state is not ApprovalState.UNKNOWN or row.id in books.in_the_inbox
        closed.check(state in CLOSED and is_task, f"{row.id} is {state}")
    return closed


def _histories(books: Books) -> Invariant:
    legal = Invariant("each history is legal, each grant another person's")
    for row in books.approvals:
        state, deeds = ApprovalState.ASKED, books.deeds[row.id]
        legal.check(
            [deed.revision for deed in deeds] == list(range(1, row.revision + 1)),
            f"{row.id}: revisions {[deed.revision for deed in deeds]} of {row.revision}",
        )
        for deed in deeds:
            legal.check(state in TABLE[Deed(deed.deed)], f"{row.id}: {deed.deed} while {state}")
            state = ApprovalState(deed.state)
        legal.check(state.value == row.state, f"{row.id}: {state} by its deeds, {row.state}")
        since_edit = deeds[_last_edit(deeds) :]
        grants = [deed.person_id for deed in since_edit if deed.deed == Deed.GRANT.value]
        wanted = read_policy(row.policy).grants
        legal.check(
            len(grants) == len(set(grants)) <= wanted
            and (_granted(deeds) is None or len(grants) == wanted),
            f"{row.id}: granted by {grants}",
        )
    return legal


def _last_edit(deeds: Sequence[ApprovalDeedRow]) -> int:
    edits = [place for place, deed in enumerate(deeds) if deed.deed == Deed.EDIT.value]
    return edits[-1] if edits else 0


def _audit(books: Books) -> Invariant:
    audit = Invariant("audit chain whole, a link for each deed")
    audit.check(books.first_broken_link is None, f"broken at {books.first_broken_link}")
    for row in books.approvals:
        wanted = [
            (f"approval.{deed.deed}", deed.state, deed.arguments_hash, deed.person_id or deed.via)
            for deed in books.deeds[row.id]
            if deed.deed != Deed.REMIND.value
        ]
        found = []
        for link in books.links.get(row.id, ()):
            details = json.loads(link.details)
            found.append((link.action, details["state"], details["hash"], link.actor))
        audit.check(wanted == found, f"{row.id}: {wanted} but {found}")
    return audit


def _kept(books: Books, outcome: Outcome) -> Invariant:
    kept = Invariant("every decision that was answered 200 is kept")
    for ack in outcome.acks:
        kept.check(
            any(
                deed.deed == ack.deed
                and deed.person_id == ack.person_id
                and (not ack.revision or deed.revision <= ack.revision)
                for deed in books.deeds[ack.approval_id]
            ),
            str(ack),
        )
    return kept


def _webhooks(books: Books, outcome: Outcome) -> list[Invariant]:
    sent = Invariant("outbox empty, every event delivered")
    signed = Invariant("deliveries signed, one body for each id")
    taken = {hook["id"] for hook in books.ledger.hooks if hook["is_taken"]}
    events: dict[str, Counter[str]] = defaultdict(Counter)
    for row in books.outbox:
        sent.check(row.sent_at is not None and row.id in taken, f"{row.id} {row.event}")
        events[json.loads(row.body)["data"]["approval_id"]][row.event] += 1
    for approval in books.approvals:
        found = events[approval.id]
        again = {Deed.ESCALATE.value, Deed.EDIT.value}
        wanted = 1 + sum(deed.deed in again for deed in books.deeds[approval.id])
        sent.check(found["approval.requested"] == wanted, f"{approval.id}: {dict(found)}")
        sent.check(found["approval.decided"] >= 1, f"{approval.id}: {dict(found)}")
    key = signing_key(installation_secret(outcome.house.folder / "var"), outcome.webhook_id)
    bodies: dict[str, Any] = {row.id: row.body for row in books.outbox}
    for hook in books.ledger.hooks:
        good = signature(key, hook["id"], int(hook["timestamp"]), hook["body"])
        is_one = _told(bodies.get(hook["id"], "{}")) == _told(hook["body"])
        signed.check(hook["signature"] == good and is_one, hook["id"])
    return [sent, signed]


def _told(body: str) -> Any:
    """Without the links: their tokens are signed when a delivery leaves, and stored nowhere."""
    document = json.loads(body)
    document.get("data", {}).pop("links", None)
    return document


def table(invariants: Sequence[Invariant]) -> str:
    """As it is printed; what is broken follows, a few of each."""
    lines = [f"{'invariant':<52} {'checked':>8} {'broken':>7}"]
    for one in invariants:
        lines.append(f"{one.name:<52} {one.checked:>8} {len(one.broken):>7}")
        lines += [f"    {what}" for what in one.broken[:_SHOWN]]
    return "\n".join(lines)
