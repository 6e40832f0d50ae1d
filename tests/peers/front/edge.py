"""An edge without the calls above it, in a process of its own that a test can kill.

Its one argument is JSON: ``name``, ``port``, ``inner`` and ``front`` (HOST:PORT each), ``rtp`` and
``registrar``.
It tells what happens as JSON lines and takes commands as lines: ``drain``, ``resume``,
``hold CALL-ID``, ``hang-up CALL-ID``, ``place URI``, ``register``, ``leave``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from typing import Any

from trunkline.domain.call import Direction, EndCause
from trunkline.domain.errors import TrunkError
from trunkline.domain.leg import LegEnded, LegHeld, LegTransferProgress, LegUnheld
from trunkline.domain.trunk import NumberRoute, Trunk, TrunkAuth
from trunkline.runtime.logging import configure_logging
from trunkline.runtime.supervision import Nursery, nursery, stop_on_signals
from trunkline.sip.config import EndpointConfig
from trunkline.sip.endpoint import Endpoint
from trunkline.sip.front import sip_front
from trunkline.sip.leg import SipLeg
from trunkline.sip.reception import Reception

LAN = Trunk("lan", TrunkAuth.SOURCE, sources=("127.0.0.1/32",))
CARRIER = Trunk("carrier", TrunkAuth.SOURCE, sources=("127.0.0.9/32",), is_trusted=True)
ACCOUNT = "200100"  # at the registrar, which calls it
ROUTES = (
    NumberRoute("100", "answers"),
    NumberRoute("200", "rings"),
    NumberRoute(ACCOUNT, "answers"),
)


def tell(did: str, **what: Any) -> None:
    sys.stdout.write(json.dumps({"did": did, **what}) + "\n")
    sys.stdout.flush()


class TestedEdge:
    def __init__(self, given: dict[str, Any], tasks: Nursery) -> None:
        self._tasks = tasks
        self._legs: dict[str, SipLeg] = {}
        registered = Trunk(
            "registered",
            TrunkAuth.REGISTER,
            registrar=given["registrar"],
            username=ACCOUNT,
            password="s3cret",
        )
        trunks = (LAN, CARRIER, registered)
        self.reception = Reception(trunks=trunks, routes=ROUTES, max_calls=40, accept=self._accept)
        config = EndpointConfig(
            sip_port=given["port"],
            rtp_ports=(given["rtp"], given["rtp"] + 199),
            max_calls=40,
            front=sip_front(
                inner=given["inner"],
                address=given["front"],
                own_host="",
                tls_port=0,
                edge=given["name"],
            ),
        )
        self.endpoint = Endpoint(config, reception=self.reception, trunks=trunks)

    def _accept(self, leg: SipLeg, agent: str, at_ms: float) -> None:
        told = leg.description
        tell(
            "took",
            call=told.sip_call_id,
            trunk=told.trunk,
            asserted=told.caller_asserted,
            caller=told.caller_number,
        )
        self._tasks.start(self._serve(leg, told.sip_call_id, answers=agent == "answers"), "leg")

    async def _serve(self, leg: SipLeg, call: str, *, answers: bool) -> None:
        self._legs[call] = leg
        if answers and leg.description.direction is Direction.INBOUND:
            with contextlib.suppress(TrunkError):  # the caller has gone: the events tell
                await leg.answer()
        async for event in leg.events():
            match event:
                case LegHeld() | LegUnheld() | LegTransferProgress():
                    tell(type(event).__name__, call=call)
                case LegEnded(cause):
                    tell("ended", call=call, cause=cause.value)
                case _:
                    tell(type(event).__name__, call=call)

    async def obey(self, line: str) -> None:
        command, _, what = line.strip().partition(" ")
        match command:
            case "drain" | "resume":
                self.reception.takes_calls = command == "resume"
                await self.endpoint.answer_options()
            case "hold":
                await self._legs[what].hold()
            case "hang-up":
                await self._legs[what].hang_up(EndCause.AGENT_HANGUP)
            case "place":
                leg = await self.endpoint.place(what)
                self._tasks.start(self._serve(leg, what, answers=False), "placed")
            case "register" | "leave":
                await self.endpoint.register(wanted=command == "register")
        tell("obeyed", line=line.strip())


async def main(given: dict[str, Any]) -> None:
    stop = stop_on_signals()
    async with nursery("tested-edge") as tasks:
        edge = TestedEdge(given, tasks)
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
        )

        async def commands() -> None:
            while line := await reader.readline():
                await edge.obey(line.decode())
            stop.set()

        async with edge.endpoint.running():
            tell("ready")
            tasks.start(commands(), "commands")
            await stop.wait()


if __name__ == "__main__":
    configure_logging("sip", log_format="json")
    asyncio.run(main(json.loads(sys.argv[1])))
