"""What happens to one question of a storm: who decides it, how often, how late and by what right.

Each kind is a small story over the storm's people. A story asserts what its people are answered
where that does not depend on who was faster; what became of it all is reckoned at the end.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from tests.soak.approval_people import People, Person
from tests.soak.approval_service import Trouble

KINDS: Final[Mapping[str, int]] = {
    "grant": 30, "refuse": 8, "edit": 8, "expire": 4, "race": 6, "chain": 6, "handed up": 3,
    "two": 7, "withdraw": 5, "gone": 5, "keep": 3, "double": 8, "forged": 4, "claimed": 3,
    "limit": 3, "order": 7, "link": 6,
}  # fmt: skip
"""Weights."""
_TOOL: Final = {
    "expire": "pay_quick", "race": "pay_quick", "chain": "pay_chain", "handed up": "pay_chain",
    "two": "pay_two", "keep": "pay_keep", "order": "order",
}  # fmt: skip
_TROUBLES: Final = {
    Trouble.NONE: 84, Trouble.SLOW: 3, Trouble.BEFORE: 3, Trouble.AFTER: 3, Trouble.DROP: 3,
    Trouble.REFUSE: 2, Trouble.SILENT: 1, Trouble.STUBBORN: 1,
}  # fmt: skip
_TOO_LATE: Final = frozenset({403, 409})
OPEN_STATES: Final = frozenset({"asked", "claimed", "edited", "escalated"})


@dataclass(frozen=True, slots=True)
class Case:
    """``account`` names the case, and the service's trouble with it, in its first digit."""

    number: int
    kind: str
    tool: str
    account: str
    amount: str
    seed: float


def draw(number: int, rng: random.Random, kinds: Mapping[str, int] = KINDS) -> Case:
    kind = rng.choices(list(kinds), list(kinds.values()))[0]
    trouble = rng.choices(list(_TROUBLES), list(_TROUBLES.values()))[0]
    cents = rng.randint(60_000, 400_000) if kind == "limit" else rng.randint(1, 49_999)
    return Case(
        number,
        kind,
        _TOOL.get(kind, "pay"),
        f"{int(trouble)}{number:07d}",
        f"{cents // 100}.{cents % 100:02d}",
        rng.random(),
    )


class Caller(Protocol):
    """What a story may have the caller do, and ask of the world."""

    def does(self, what: str) -> None: ...
    async def until_state(self, *states: str) -> dict[str, Any]: ...
    async def sees(self) -> dict[str, Any]: ...
    async def link_of(self, user: str) -> str: ...


@dataclass
class Story:
    """``asked``: the approval as the inbox shows it first."""

    case: Case
    people: People
    caller: Caller
    asked: dict[str, Any]

    def __post_init__(self) -> None:
        self.rng = random.Random(self.case.seed)
        self.id: str = self.asked["approval_id"]
        self.hash: str = self.asked["arguments_hash"]

    async def play(self) -> None:
        stories = {
            "grant": self._simple, "order": self._simple, "refuse": self._refuse,
            "edit": self._edit, "expire": self._expire, "race": self._race,
            "chain": self._chain, "handed up": self._handed_up, "two": self._two_people,
            "withdraw": self._withdraw, "gone": self._gone, "keep": self._keep,
            "double": self._double, "forged": self._forged, "claimed": self._claimed,
            "limit": self._limit, "link": self._link,
        }  # fmt: skip
        await stories[self.case.kind]()

    # ---- whoever decides -------------------------------------------------------------------------

    def _somebody(self) -> Person:
        """A supervisor, one in five at the dashboard."""
        if self.rng.random() < 0.2:
            return self.rng.choice(self.people.dashboards)
        return self.rng.choice(self.people.supervisors)

    def _two(self) -> tuple[Person, Person]:
        crowd = [*self.people.supervisors, *self.people.dashboards]
        one, other = self.rng.sample(crowd, 2)
        return one, other

    def _manager(self) -> Person:
        return self.rng.choice(self.people.managers)

    async def _grant(self, person: Person, seen: str = "") -> int:
        status, _ = await person.act(self.id, "grant", seen_hash=seen or self.hash)
        return status

    async def _refused_to(self, person: Person, *, seen: str = "") -> None:
        """Whatever this person may not do, is not done: by right or because it is too late."""
        status = await self._grant(person, seen)
        assert status in _TOO_LATE, (self.case, person.name, status)

    # ---- the kinds -------------------------------------------------------------------------------

    async def _simple(self) -> None:
        await self._grant(self._somebody())

    async def _refuse(self) -> None:
        person = self._somebody()
        await person.act(self.id, "refuse", seen_hash=self.hash, reason="not today")
        await self._refused_to(self.rng.choice(self.people.supervisors))

    async def _edit(self) -> None:
        editor = self.rng.choice(self.people.supervisors)
        cents = self.rng.randint(1, 49_999)
        arguments = {"account": self.case.account, "amount": f"{cents // 100}.{cents % 100:02d}"}
        status, now = await editor.act(self.id, "edit", seen_hash=self.hash, arguments=arguments)
        if status != 200:  # asked again after a kill: the first one may have been kept
            now = await self.caller.sees()
        if now.get("arguments_hash", self.hash) != self.hash:
            await self._refused_to(self._somebody(), seen=self.hash)
        await self._grant(self._somebody(), now.get("arguments_hash", ""))

    async def _expire(self) -> None:
        await self.caller.until_state("expired")
        await self._refused_to(self._somebody())

    async def _race(self) -> None:
        """Two grants in the very moment in which the time is over."""
        left_s = _seconds(self.asked["now"], self.asked["expires_at"])
        await asyncio.sleep(max(0.0, left_s + self.rng.uniform(-0.3, 0.15)))
        await asyncio.gather(*(self._grant(person) for person in self._two()))

    async def _chain(self) -> None:
        now = await self.caller.until_state("escalated")
        if now["state"] == "escalated":
            await self._refused_to(self.rng.choice(self.people.supervisors))
        await self._grant(self._manager())

    async def _handed_up(self) -> None:
        person = self.rng.choice(self.people.supervisors)
        await person.act(self.id, "escalate", reason="above me")
        await self._refused_to(person)
        await self._grant(self._manager())

    async def _two_people(self) -> None:
        one, other = self._two()
        if self.rng.random() < 0.5:
            await asyncio.gather(self._grant(one), self._grant(one), self._grant(other))
        else:
            await self._grant(one)
            await self._refused_to(one)
            await self._grant(other)

    async def _withdraw(self) -> None:
        self.caller.does("withdraw")
        if self.rng.random() < 0.5:
            await asyncio.sleep(self.rng.uniform(0, 0.3))
            await self._grant(self._somebody())

    async def _gone(self) -> None:
        self.caller.does("hang_up")
        if self.rng.random() < 0.5:
            await asyncio.sleep(self.rng.uniform(0, 0.3))
        else:
            await self.caller.until_state("abandoned")
        await self._grant(self._somebody())

    async def _keep(self) -> None:
        self.caller.does("hang_up")
        await self._grant(self._somebody())

    async def _double(self) -> None:
        one, other = self._two()
        match self.rng.randrange(4):
            case 0:  # one person clicks thrice
                clicks = [self._grant(one) for _ in range(3)]
            case 1:  # two people at once
                clicks = [self._grant(one), self._grant(other)]
            case 2:  # by the API and on the page
                page = self.rng.choice(self.people.dashboards)
                clicks = [self._grant(self.people.supervisors[0]), self._grant(page)]
            case _:  # one agrees, the other does not
                clicks = [self._grant(one), self._no(other), self._grant(one), self._no(other)]
        statuses = await asyncio.gather(*clicks)
        assert statuses.count(200) <= 1, (self.case, statuses)

    async def _no(self, person: Person) -> int:
        status, _ = await person.act(self.id, "refuse", seen_hash=self.hash, reason="no")
        return status

    async def _forged(self) -> None:
        people = self.people
        supervisor = self.rng.choice(people.supervisors)
        forged = "".join(self.rng.choices("0123456789abcdef", k=64))
        answer = await people.viewer.act(self.id, "grant", seen_hash=self.hash)
        assert answer[0] == 403, (self.case, answer)
        assert await people.stranger.knocks(self.id, self.hash) in (0, 401, 429, 503)
        await self._refused_to(supervisor, seen=forged)
        other = f"appr_{forged[:20]}"
        status, _ = await supervisor.act(other, "grant", seen_hash=self.hash)
        assert status == 404, (self.case, status)
        status, _ = await supervisor.act(
            self.id, "edit", seen_hash=self.hash,
            arguments={"account": "00000000", "amount": self.case.amount},
        )  # fmt: skip
        assert status in _TOO_LATE, (self.case, status)
        await self._grant(supervisor)

    async def _claimed(self) -> None:
        one, other = self.rng.sample(list(self.people.supervisors), 2)
        status, claimed = await one.act(self.id, "claim")
        if status == 200:
            status, _ = await other.act(self.id, "grant", seen_hash=self.hash)
            # A clock that jumped may have ended the claim, then or before; nothing else may.
            has_lapsed = status == 200 and await self._lapsed_at() >= claimed["claimed_until"]
            assert status in _TOO_LATE or has_lapsed, (self.case, status)
        await self._grant(one)

    async def _lapsed_at(self) -> str:
        """When the history says that a claim ended by itself; empty when none did."""
        deeds = (await self.caller.sees())["deeds"]
        return max((one["at"] for one in deeds if one["deed"] == "lapse"), default="")

    async def _limit(self) -> None:
        await self._refused_to(self.rng.choice(self.people.supervisors))
        await self._grant(self._manager())

    async def _link(self) -> None:
        """By a signed link: used, used again, twice at once, changed by a character."""
        user = self.rng.choice(self.people.dashboards).name
        token = await self.caller.link_of(user)
        holder = self.people.by_link(user)
        if not token:
            await self._grant(self._somebody())
            return
        place = self.rng.randrange(len(token) // 2)
        forged = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        status = await holder.decides(forged, "grant")
        assert status in (404, 409), (self.case, "forged", status)
        match self.rng.randrange(3):
            case 0:
                statuses = [await holder.decides(token, "grant")]
            case 1:
                statuses = [await holder.decides(token, "refuse", "not by me")]
            case _:
                both = (
                    holder.decides(token, "grant"),
                    self.people.by_link(user).decides(token, "grant"),
                )
                statuses = list(await asyncio.gather(*both, self._grant(self._somebody())))
        assert statuses.count(200) <= 1, (self.case, statuses)
        status = await holder.decides(token, "grant")
        assert status in _TOO_LATE, (self.case, "reused", status)


def _seconds(since: str, until: str) -> float:
    return (datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds()
