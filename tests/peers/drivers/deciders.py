"""Who decides about approvals: operators with a browser, and holders of API keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import httpx
from tests.peers.drivers.installation import Installation

from trunkline.domain.clock import SystemClock
from trunkline.domain.errors import Conflict
from trunkline.storage.engine import open_sessions
from trunkline.storage.users import create_user

PASSWORD: Final = "a long password 1"


async def hire(installation: Installation, username: str, role: str) -> None:
    """An operator who may log in with PASSWORD; one of that name may be there already."""
    sessions = open_sessions(f"sqlite+aiosqlite:///{installation.data_dir / 'trunkline.db'}")
    try:
        with suppress(Conflict):
            await create_user(sessions, username, PASSWORD, role, SystemClock().now())
    finally:
        await sessions.close()


@dataclass(frozen=True)
class Decider:
    """One key. A deed that is answered with another status is an AssertionError with the answer."""

    api: httpx.AsyncClient

    async def asked(self, call_id: str) -> list[dict[str, Any]]:
        """What is open or under way in a call."""
        answer = await self.api.get("/approvals", params={"call_id": call_id})
        found: list[dict[str, Any]] = answer.raise_for_status().json()
        return found

    async def show(self, approval_id: str) -> dict[str, Any]:
        answer = await self.api.get(f"/approvals/{approval_id}")
        return dict(answer.raise_for_status().json())

    async def until(self, approval_id: str, state: str, deadline_s: float = 20) -> dict[str, Any]:
        """The approval, once it is in ``state``."""
        shown: dict[str, Any] = {}
        try:
            async with asyncio.timeout(deadline_s):
                while shown.get("state") != state:
                    shown = await self.show(approval_id)
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"never {state}: {shown}") from None
        return shown

    async def grant(self, seen: dict[str, Any], *, status: int = 200) -> dict[str, Any]:
        return await self._do(seen, "grant", status)

    async def refuse(self, seen: dict[str, Any], reason: str) -> dict[str, Any]:
        return await self._do(seen, "refuse", 200, reason=reason)

    async def _do(
        self, seen: dict[str, Any], deed: str, status: int, **more: Any
    ) -> dict[str, Any]:
        answer = await self.api.post(
            f"/approvals/{seen['approval_id']}/{deed}",
            json={"seen_hash": seen["arguments_hash"], **more},
        )
        assert answer.status_code == status, answer.text
        return dict(answer.json())


@asynccontextmanager
async def deciding(
    installation: Installation, scopes: Sequence[str] = ()
) -> AsyncIterator[Decider]:
    """With a new key of these scopes; without any, with the installation's own, an admin's."""
    key = installation.api_key
    if scopes:
        async with _client(installation, key) as admin:
            wanted = {"name": scopes[-1], "scopes": list(scopes)}
            key = (await admin.post("/keys", json=wanted)).raise_for_status().json()["key"]
    async with _client(installation, key) as api:
        yield Decider(api)


def _client(installation: Installation, key: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=installation.api,
        headers={"authorization": f"Bearer {key}"},
        timeout=20,
        trust_env=False,
    )
