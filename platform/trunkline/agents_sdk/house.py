"""The installation as a program outside sees it: which calls are up, and its approvals desk."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

POLL_S: Final = 20.0
RETRY_S: Final = 1.0
_TRIES: Final = 4
_STREAM_QUIET_S: Final = 60.0  # the stream says that it is alive every 15 s


class HouseError(Exception):
    """The installation refused; ``status`` and ``code`` as its API gave them."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Approval:
    """What has become of a question: ``state`` as in docs/approvals.md."""

    approval_id: str
    state: str
    revision: int
    arguments: Mapping[str, Any]

    @property
    def is_decided(self) -> bool:
        return self.state not in ("asked", "claimed", "edited", "escalated")


class House:
    """``base_url``: of the dashboard and API; the key has the scopes ``calls:read``,
    ``calls:control``, ``approvals:ask`` and ``realtime``. One for a whole program."""

    def __init__(self, base_url: str, api_key: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=base_url.rstrip("/") + "/api/v1",
            headers={"authorization": f"Bearer {api_key}"},
            timeout=httpx.Timeout(10.0),
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    # ---- calls ---------------------------------------------------------------------------------

    async def facts(self) -> AsyncIterator[dict[str, Any]]:
        """Facts of calls as they happen, for ever; a stream that broke goes on where it was.

        The first one, ``{"fact": "connected"}``, comes again whenever the stream is up anew.
        """
        last_id = ""
        while True:
            headers = {"last-event-id": last_id} if last_id else {}
            timeout = httpx.Timeout(10.0, read=_STREAM_QUIET_S)
            try:
                async with self._http.stream(
                    "GET", "/live", headers=headers, timeout=timeout
                ) as answer:
                    if answer.status_code in (401, 403):
                        await answer.aread()
                        raise _refusal(answer)
                    answer.raise_for_status()
                    yield {"fact": "connected"}
                    async for line in answer.aiter_lines():
                        if line.startswith("id: "):
                            last_id = line[4:]
                        elif line.startswith("data: "):
                            yield json.loads(line[6:])
            except httpx.HTTPError:
                pass  # away, or restarting: what happens meanwhile is in the stream when it is back
            await asyncio.sleep(RETRY_S)

    async def live_calls(self, agent: str) -> list[str]:
        """The ids of an agent's calls that are up."""
        answer = await self._ask("GET", "/calls", params={"agent": agent, "limit": 200})
        return [str(call["call_id"]) for call in answer["calls"] if call["state"] != "ended"]

    async def is_up(self, call_id: str) -> bool:
        answer = await self._ask("GET", f"/calls/{call_id}")
        return bool(answer["state"] != "ended")

    async def hang_up(self, call_id: str) -> None:
        await self._ask("POST", f"/calls/{call_id}/hangup")

    # ---- approvals -----------------------------------------------------------------------------

    async def ask(self, call_id: str, question: Mapping[str, Any]) -> Approval:
        """The same question again is the same approval, so a lost answer does no harm."""
        answer = await self._ask("POST", f"/calls/{call_id}/approvals", json=dict(question))
        return _approval(answer)

    async def decided(self, approval: Approval) -> Approval:
        """Once it is granted, refused, expired or taken back."""
        while not approval.is_decided:
            approval = _approval(
                await self._ask(
                    "GET",
                    f"/approvals/{approval.approval_id}/news",
                    params={"revision": approval.revision, "wait_s": POLL_S},
                    timeout=httpx.Timeout(10.0, read=POLL_S + 10),
                )
            )
        return approval

    async def begin(self, approval: Approval) -> str:
        """The lease under which it may be done now. Never tried again: whether an attempt without
        an answer has begun it, nobody knows."""
        answer = await self._ask("POST", f"/approvals/{approval.approval_id}/begin", tries=1)
        return str(answer["lease"])

    async def finish(self, approval: Approval, lease: str, outcome: str, result: Any) -> None:
        body = {"lease": lease, "outcome": outcome, "result": result}
        await self._ask("POST", f"/approvals/{approval.approval_id}/finish", json=body)

    async def withdraw(self, approval: Approval) -> None:
        await self._ask("POST", f"/approvals/{approval.approval_id}/withdraw")

    async def _ask(self, method: str, path: str, *, tries: int = _TRIES, **request: Any) -> Any:
        """HouseError for a refusal; what passes (no connection, 429, 5xx) is tried again."""
        for left in range(tries - 1, -1, -1):
            try:
                answer = await self._http.request(method, path, **request)
            except httpx.HTTPError as exc:
                if not left:
                    raise HouseError(0, "unreachable", type(exc).__name__) from exc
            else:
                if answer.is_success:
                    return answer.json()
                if not left or (answer.status_code < 500 and answer.status_code != 429):
                    raise _refusal(answer)
            await asyncio.sleep(RETRY_S)
        raise AssertionError("unreachable")


def _approval(document: Mapping[str, Any]) -> Approval:
    return Approval(
        str(document["approval_id"]),
        str(document["state"]),
        int(document["revision"]),
        dict(document["arguments"]),
    )


def _refusal(answer: httpx.Response) -> HouseError:
    try:
        told = answer.json()
    except ValueError:
        told = {}
    if not isinstance(told, dict):
        told = {}
    code, detail = str(told.get("code", "error")), str(told.get("detail", answer.reason_phrase))
    return HouseError(answer.status_code, code, detail)
