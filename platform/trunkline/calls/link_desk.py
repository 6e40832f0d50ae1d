"""Where a signed link decides: what its holder is shown, and their one decision.

Nobody is logged in here, so nothing is said that whoever holds the link may not know: what we did
not sign is one and the same error, and is counted against where it came from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.calls.approval_desk import Shown, Wake, checked_reason
from trunkline.domain.approval import OPEN, Approval, Deed, Person
from trunkline.domain.approval_rules import Act, decide
from trunkline.domain.clock import Clock, SystemClock
from trunkline.domain.decision_link import DecisionLink, LinkDecision, check_time, signed_link
from trunkline.domain.errors import CallerError, Conflict, Forbidden, TooMany
from trunkline.runtime.buckets import Buckets, source_of
from trunkline.runtime.logging import get_logger
from trunkline.storage.approval_views import Parked
from trunkline.storage.approvals import Approvals
from trunkline.storage.audit import Audit
from trunkline.storage.decision_links import DecisionLinks
from trunkline.storage.engine import Sessions, database_now
from trunkline.storage.views import HOUSE

log = get_logger(__name__)

_VIA: Final = "link"
_DEED: Final = {LinkDecision.GRANT: Deed.GRANT, LinkDecision.REFUSE: Deed.REFUSE}
_WORTH_A_RETRY: Final = frozenset({"reason_missing", "invalid", "claimed_by_another"})
"""Refusals that somebody with a good link mends and tries again: nothing for the audit."""


@dataclass(slots=True)
class LinkLimits:
    """Requests by source, tokens that we never signed by source, and how many refusals are written
    to the audit at all. Whoever comes late with a link of ours guesses nothing: a whole office may
    have one address."""

    requests: Buckets = field(default_factory=lambda: Buckets(burst=60, per_s=2))
    guesses: Buckets = field(default_factory=lambda: Buckets(burst=10, per_s=0.1))
    audited: Buckets = field(default_factory=lambda: Buckets(burst=100, per_s=1))


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """What the holder sees before they decide. ``no_grant``: why they cannot approve it."""

    link: DecisionLink
    person: Person
    shown: Shown
    no_grant: CallerError | None

    @property
    def decisions(self) -> tuple[LinkDecision, ...]:
        if self.no_grant is None:
            return self.link.decisions
        return tuple(one for one in self.link.decisions if one is not LinkDecision.GRANT)


@dataclass(frozen=True, slots=True)
class LinkDesk:
    """``installation`` gives the installation's secret, from which the links' keys come.

    Every method raises NotFound ``link_invalid``, Conflict ``link_expired``, ``link_used``,
    ``arguments_changed`` or ``already_decided``, Forbidden ``link_withdrawn``, TooMany, or what
    ``domain.approval_rules.decide`` raises.
    """

    sessions: Sessions
    installation: Callable[[], bytes]
    wake: Wake | None = None
    clock: Clock = field(default_factory=SystemClock)
    limits: LinkLimits = field(default_factory=LinkLimits)

    async def open(self, token: str, address: str) -> OpenedLink:
        """Changes nothing: scanners of mail follow links too."""
        self._check_source(address)
        link: DecisionLink | None = None
        try:
            link = await self._signed(token)
            async with self.sessions.reading() as session:
                now = await database_now(session)
                check_time(link, now)
                person, parked = await _holder(session, link)
                await DecisionLinks(session).check_unused(link)
                _check_open(parked.approval, link)
                deeds = await Approvals(session).deeds(link.approval_id)
        except CallerError as exc:
            await self._note_refusal(exc, link, address)
            raise
        act = Act(Deed.GRANT, person, seen_hash=link.arguments_hash)
        return OpenedLink(
            link, person, Shown(parked, deeds, now), _obstacle(parked.approval, act, now)
        )

    async def decide(self, token: str, decision: str, reason: str, address: str) -> Parked:
        """The approval after it; the link counts no more, unless the decision was refused."""
        self._check_source(address)
        link: DecisionLink | None = None
        try:
            link = await self._signed(token)
            async with self.sessions.writing(durable=True) as session:
                now = await database_now(session)
                check_time(link, now)
                person, parked = await _holder(session, link)
                chosen = _chosen(link, decision)
                links = DecisionLinks(session)
                await links.use(link, chosen, now)
                _check_open(parked.approval, link)
                decided = await Approvals(session).act(
                    link.approval_id,
                    Act(
                        _DEED[chosen],
                        person,
                        seen_hash=link.arguments_hash,
                        reason=checked_reason(reason) if chosen is LinkDecision.REFUSE else "",
                    ),
                    now,
                    via=_VIA,
                    owner=parked.owner,
                )
                await Audit(session, owner=parked.owner).append(
                    person.person_id,
                    "approval_link.used",
                    link.approval_id,
                    now,
                    {"link": link.link_id, "for": chosen.value, "source": source_of(address)},
                )
        except CallerError as exc:
            await self._note_refusal(exc, link, address)
            raise
        if decided.approval.state not in OPEN and self.wake is not None:
            await self.wake()
        return decided

    async def _signed(self, token: str) -> DecisionLink:
        """Before anything is locked: strangers never make those who decide wait."""
        async with self.sessions.reading() as session:
            keys = await DecisionLinks(session).keys(self.installation())
        return signed_link(token, keys)

    # ---- who asks too often --------------------------------------------------------------------

    def _check_source(self, address: str) -> None:
        source, now_s = source_of(address), self.clock.monotonic_ms() / 1000
        wait_s = max(
            self.limits.requests.wait_s(source, now_s), self.limits.guesses.wait_s(source, now_s)
        )
        if wait_s:
            raise TooMany("too many tries from this address", retry_after_s=wait_s)
        self.limits.requests.take(source, now_s)

    async def _note_refusal(
        self, exc: CallerError, link: DecisionLink | None, address: str
    ) -> None:
        source, now_s = source_of(address), self.clock.monotonic_ms() / 1000
        log.warning("a decision link was refused", code=exc.code, source_pii=source)
        if exc.code in _WORTH_A_RETRY:
            return
        if link is None:
            self.limits.guesses.take(source, now_s)
        # Strangers without number must not fill the chain, nor hold up those who decide.
        if self.limits.audited.wait_s("", now_s):
            return
        self.limits.audited.take("", now_s)
        async with self.sessions.writing() as session:
            owner = HOUSE
            if link is not None:
                owner = await DecisionLinks(session).owner_of(link)
            await Audit(session, owner=owner).append(
                "link",
                "approval_link.refused",
                link.approval_id if link is not None else "",
                await database_now(session),
                {
                    "code": exc.code,
                    "link": link.link_id if link is not None else "",
                    "user": link.user_id if link is not None else "",
                    "source": source,
                },
            )


async def _holder(session: AsyncSession, link: DecisionLink) -> tuple[Person, Parked]:
    person, owner = await DecisionLinks(session).holder(link)
    return person, await Approvals(session).get(link.approval_id, owner=owner)


def _check_open(approval: Approval, link: DecisionLink) -> None:
    if approval.state not in OPEN:
        raise Conflict("this is decided already", code="already_decided")
    if approval.arguments_hash != link.arguments_hash:
        raise Conflict("the request has changed since this link was sent", code="arguments_changed")


def _chosen(link: DecisionLink, decision: str) -> LinkDecision:
    if decision not in link.decisions:
        raise Forbidden("this link does not decide that", code="decision_not_covered")
    return LinkDecision(decision)


def _obstacle(approval: Approval, act: Act, now: datetime) -> CallerError | None:
    try:
        decide(approval, act, now)
    except CallerError as exc:
        return exc
    return None
