"""Who decides in a storm: supervisors and managers with keys of their own, some at the dashboard,
and those who may not. All of them over HTTP; a web process that is killed is asked again."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx

from trunkline.domain.clock import SystemClock
from trunkline.storage.engine import Sessions
from trunkline.storage.keys import KeyRepository
from trunkline.storage.users import create_user
from trunkline.storage.webhooks import WebhookRepository

PASSWORD: Final = "a storm is coming 1"
PATIENCE_S: Final = 240.0
HOOK_EVENTS: Final = ("approval.requested", "approval.decided")
_CSRF: Final = re.compile(r'name="csrf" value="([0-9a-f]+)"')


@dataclass(frozen=True, slots=True)
class Ack:
    """A decision that the web process has said is made: it must never be lost.

    ``revision``: 0 where the answer does not tell (a page).
    """

    approval_id: str
    deed: str
    person_id: str
    revision: int
    state: str


@dataclass
class Person:
    """``act`` until there is an answer that is not a fault of the house."""

    name: str
    person_id: str
    client: httpx.AsyncClient
    acks: list[Ack]
    answers: dict[str, int]

    async def act(self, approval_id: str, deed: str, **body: Any) -> tuple[int, dict[str, Any]]:
        """The status, and the approval or the problem."""
        answer = await self._patiently("POST", f"/api/v1/approvals/{approval_id}/{deed}", json=body)
        document: dict[str, Any] = answer.json() if answer.content else {}
        self._count(deed, answer.status_code)
        if answer.status_code == 200:
            done = Ack(approval_id, deed, self.person_id, document["revision"], document["state"])
            self.acks.append(done)
        return answer.status_code, document

    async def knocks(self, approval_id: str, seen_hash: str) -> int:
        """One try with whatever key this is; 0 when nobody is at home."""
        try:
            answer = await self.client.post(
                f"/api/v1/approvals/{approval_id}/grant", json={"seen_hash": seen_hash}
            )
        except httpx.TransportError:
            return 0
        self._count("knock", answer.status_code)
        return answer.status_code

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self._patiently("GET", f"/api/v1{path}", params=params)

    def _count(self, deed: str, status: int) -> None:
        told = f"{deed} {status}"
        self.answers[told] = self.answers.get(told, 0) + 1

    async def _patiently(self, method: str, path: str, **more: Any) -> httpx.Response:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    answer = await self.client.request(method, path, **more)
                except httpx.TransportError:
                    await asyncio.sleep(0.3)
                    continue
                if answer.status_code == 429:
                    await asyncio.sleep(float(answer.headers["retry-after"]))
                elif answer.status_code >= 500:
                    await asyncio.sleep(0.3)
                else:
                    return answer


@dataclass
class AtDashboard(Person):
    """The same by the pages' forms; logs in again when its session is refused."""

    csrf: str = ""
    _logging_in: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def act(self, approval_id: str, deed: str, **body: Any) -> tuple[int, dict[str, Any]]:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                form = {**body, "csrf": self.csrf}
                path = f"/approvals/{approval_id}/{deed}"
                answer = await self._patiently("POST", path, data=form)
                where = answer.headers.get("location", "")
                if where.startswith("/login") or (
                    answer.status_code == 403 and "out of date" in answer.text
                ):
                    await self.log_in(self.csrf)
                    continue
                break
        self._count(f"page {deed}", answer.status_code)
        if answer.status_code == 303:
            assert parse_qs(urlsplit(where).query)["done"], where
            self.acks.append(Ack(approval_id, deed, self.person_id, 0, ""))
            return 200, {}
        return answer.status_code, {}

    async def log_in(self, stale: str = "") -> None:
        async with self._logging_in:
            if self.csrf != stale:
                return
            self.client.cookies.clear()
            page = await self._patiently("GET", "/login")
            found = _CSRF.search(page.text)
            assert found is not None, page.text[:500]
            form = {"username": self.name, "password": PASSWORD, "csrf": found[1]}
            answer = await self._patiently("POST", "/login", data=form)
            assert answer.status_code == 303, answer.text[:500]
            page = await self._patiently("GET", "/approvals")
            found = _CSRF.search(page.text)
            assert found is not None, page.text[:500]
            self.csrf = found[1]


@dataclass
class ByLink(Person):
    """Whoever holds a link, from somewhere new each time: who is refused is counted by address."""

    web_url: str = ""

    async def decides(self, token: str, decision: str, reason: str = "") -> int:
        address = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.{random.randint(2, 254)}"
        transport = httpx.AsyncHTTPTransport(local_address=address)
        async with httpx.AsyncClient(
            base_url=self.web_url, timeout=30, trust_env=False, transport=transport
        ) as self.client:
            body = {"token": token, "decision": decision, "reason": reason}
            answer = await self._patiently("POST", "/api/v1/approval-links/decide", json=body)
        self._count(f"link {decision}", answer.status_code)
        if answer.status_code == 200:
            done = answer.json()
            self.acks.append(Ack(done["approval_id"], decision, self.person_id, 0, done["state"]))
        return answer.status_code


@dataclass
class People:
    """``stranger`` has a wrong key, ``viewer`` one that may only look; ``acks`` is everybody's."""

    supervisors: Sequence[Person]
    managers: Sequence[Person]
    dashboards: Sequence[AtDashboard]
    web_url: str
    viewer: Person
    stranger: Person
    acks: list[Ack]
    answers: dict[str, int]

    def by_link(self, user: str) -> ByLink:
        nobodys = self.stranger.client
        return ByLink(user, f"user:{user}", nobodys, self.acks, self.answers, self.web_url)

    async def close(self) -> None:
        everybody = (*self.supervisors, *self.managers, *self.dashboards)
        for person in (*everybody, self.viewer, self.stranger):
            await person.client.aclose()


async def hire(sessions: Sessions, web_url: str, hook_url: str) -> tuple[People, str]:
    """People with keys and users in the database; and the id of the webhook."""
    acks: list[Ack] = []
    answers: dict[str, int] = {}
    now = SystemClock().now()

    def client(key: str = "", address: str = "127.0.0.1") -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        # Whoever guesses keys is shut out by address: the stranger has one of their own.
        transport = httpx.AsyncHTTPTransport(local_address=address)
        return httpx.AsyncClient(
            base_url=web_url, headers=headers, timeout=30, trust_env=False, transport=transport
        )

    async def keyed(name: str, *scopes: str) -> Person:
        async with sessions.writing() as session:
            key, secret = await KeyRepository(session).create(name, scopes, now)
        return Person(name, f"key:{key.key_id}", client(secret), acks, answers)

    supervisors = [await keyed(f"supervisor {n}", "approvals:decide", "approvals:read")
                   for n in range(5)]  # fmt: skip
    managers = [await keyed(f"manager {n}", "approvals:manage", "approvals:read")
                for n in range(3)]  # fmt: skip
    viewer = await keyed("viewer", "approvals:read")
    stranger = Person("stranger", "nobody", client("tk_forged", "127.0.0.66"), acks, answers)
    dashboards = []
    for name, role in (("sam", "supervisor"), ("sue", "supervisor"), ("mia", "manager")):
        await create_user(sessions, name, PASSWORD, role, now)
        dashboards.append(AtDashboard(name, f"user:{name}", client(), acks, answers))
    async with sessions.writing() as session:
        hook = await WebhookRepository(session).add(
            hook_url, list(HOOK_EVENTS), now, has_links=True
        )
    people = People(supervisors, managers, dashboards, web_url, viewer, stranger, acks, answers)
    return people, hook.webhook_id
