"""An agent's phone line: its calls one by one, each to be talked by a ``RealtimeAgent``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import quote

from agents.realtime import (
    OpenAIRealtimeSIPModel,
    RealtimeAgent,
    RealtimeRunConfig,
    RealtimeRunner,
    RealtimeSession,
    RealtimeSessionEvent,
)
from agents.realtime.model_inputs import RealtimeModelSendRawMessage
from websockets.exceptions import InvalidStatus, WebSocketException

from trunkline.agents_sdk.approvals import AskFor, Clerk
from trunkline.agents_sdk.house import House, HouseError

log = logging.getLogger(__name__)

OPEN_AFTER_S: Final = 0.25
"""Between attempts to attach: a call is open to its program once its flow has come so far."""
SELDOM_AFTER: Final = 60
SELDOM_S: Final = 2.0
MOST_FAULTS: Final = 3
"""Sessions of one call that may break before its program is given up."""
_NEVER: Final = (400, 401, 403)

OnEvent = Callable[[RealtimeSessionEvent], None]


class PhoneLine:
    """``realtime_url``: the model server's, such as ``ws://127.0.0.1:8000/v1``. ``agent``: whose
    flow has steps that leave the talking to a program."""

    def __init__(self, house: House, realtime_url: str, api_key: str, agent: str) -> None:
        self._house = house
        self._realtime_url = realtime_url.rstrip("/")
        self._api_key = api_key
        self._agent = agent

    async def calls(self) -> AsyncIterator[PhoneCall]:
        """Every call of the agent's from now on, and those that are up already; each once.

        HouseError when the key may not see them.
        """
        up: dict[str, PhoneCall] = {}
        async for fact in self._house.facts():
            call_id = str(fact.get("call_id", ""))
            match fact.get("fact"):
                case "connected":
                    for missed in await self._missed():
                        if missed not in up:
                            up[missed] = self._call(missed)
                            yield up[missed]
                case "call_started" if fact.get("agent") == self._agent and call_id not in up:
                    up[call_id] = self._call(call_id)
                    yield up[call_id]
                case "call_ended" if call_id in up:
                    up.pop(call_id).ended.set()
                case _:
                    pass

    async def _missed(self) -> list[str]:
        """Calls that began before anybody listened."""
        try:
            return await self._house.live_calls(self._agent)
        except HouseError as exc:
            if exc.status in _NEVER:
                raise
            log.warning("calls that are up already may be missed: %s", exc)
            return []

    def _call(self, call_id: str) -> PhoneCall:
        url = f"{self._realtime_url}/realtime?call_id={quote(call_id)}"
        return PhoneCall(self._house, call_id, url, self._api_key)


class PhoneCall:
    """``ended`` is set once the call is over."""

    def __init__(self, house: House, call_id: str, url: str, api_key: str) -> None:
        self.call_id = call_id
        self.ended = asyncio.Event()
        self._house = house
        self._url = url
        self._api_key = api_key

    async def talk(
        self,
        agent: RealtimeAgent[Any],
        *,
        context: Any = None,
        run_config: RealtimeRunConfig | None = None,
        ask_for: Mapping[str, AskFor] | None = None,
        on_event: OnEvent | None = None,
    ) -> None:
        """Until the call is over. The agent talks whenever the call's flow lets a program in, and
        begins anew as ``agent`` each time; ``ask_for``: how people are asked, by tool."""
        tries = faults = 0
        while not self.ended.is_set():
            runner = RealtimeRunner(agent, model=OpenAIRealtimeSIPModel(), config=run_config)
            session = await runner.run(
                context=context,
                model_config={
                    "call_id": self.call_id,
                    "url": self._url,
                    "api_key": self._api_key,
                },
            )
            try:
                await session.enter()
            except InvalidStatus as exc:
                if exc.response.status_code in _NEVER:
                    raise  # a key without its scopes, or a server that knows no calls
            except (WebSocketException, OSError, TimeoutError) as exc:
                log.info("a call's session cannot be had: %s", type(exc).__name__)
            else:
                tries = 0
                faults += not await self._attend(session, ask_for or {}, on_event)
                if faults >= MOST_FAULTS:
                    return  # the call takes what its flow has for a program that is missing
            tries += 1
            is_seldom = tries > SELDOM_AFTER
            if is_seldom and not await self._is_up():
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(SELDOM_S if is_seldom else OPEN_AFTER_S):
                    await self.ended.wait()

    async def _is_up(self) -> bool:
        try:
            return await self._house.is_up(self.call_id)
        except HouseError as exc:
            return exc.status != 404

    async def _attend(
        self, session: RealtimeSession, ask_for: Mapping[str, AskFor], on_event: OnEvent | None
    ) -> bool:
        """Until the session is over; False when it broke, which no other call notices."""
        clerk = Clerk(self._house, self.call_id, session, ask_for)
        response_id = ""
        try:
            async with asyncio.TaskGroup() as tasks:
                async for event in session:
                    if on_event is not None:
                        on_event(event)
                    if event.type == "tool_approval_required":
                        tasks.create_task(clerk.decide(event), name="approval")
                    elif event.type == "guardrail_tripped" and response_id:
                        await _hush(session, response_id)
                    elif event.type == "raw_model_event":
                        told: Any = event.data
                        if told.type == "turn_started":
                            response_id = told.response_id or ""
                        elif told.type == "item_updated":
                            await clerk.saw(told.item)
                raise _SessionOver
        except* _SessionOver:
            is_sound = True
        except* Exception as group:  # the library's errors of all kinds, and the program's own
            is_sound = False
            if not self.ended.is_set():
                log.warning("a call's session broke", exc_info=group)
        finally:
            await clerk.close()
            await session.close()
        return is_sound


class _SessionOver(Exception):
    """Ends the questions that still wait when a session is over."""


async def _hush(session: RealtimeSession, response_id: str) -> None:
    """What the guardrail stopped may be on the line still: the audio is not the library's."""
    await session.model.send_event(
        RealtimeModelSendRawMessage(
            message={"type": "response.cancel", "other_data": {"response_id": response_id}}
        )
    )
