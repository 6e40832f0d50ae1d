"""Calls and registrations that edges send out through their front."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.peers.drivers.kamailio import kamailio
from tests.peers.drivers.raw_sip import raw_caller, response_to
from tests.peers.front.conftest import HOST, Front, until
from tests.peers.front.edge import ACCOUNT

pytestmark = [pytest.mark.peers, pytest.mark.timeout(400)]


async def test_a_placed_call_goes_out_and_is_ended_through_the_front(house: Front) -> None:
    """The one who is called sees the front alone."""
    edge = house.edges[0]
    async with raw_caller(house.port) as callee:
        target = f"sip:555@{HOST}:{callee.port}"
        edge.order(f"place {target}")
        request = await callee.heard("INVITE ")
        top = re.search(r"^Via: SIP/2.0/UDP (\S+?);", request, re.M)
        assert top is not None and top[1] == f"{HOST}:{house.port}"
        assert f"<sip:trunkline@{HOST}:{house.port};edge={edge.name}>" in request
        assert "X-Trunkline-Source" not in request and "\nRoute:" not in request
        callee.send(response_to(request, "486 Busy Here").replace("To: ", "To: ", 1))
        await callee.heard("ACK ")
        await until(
            lambda: any(e["call"] == target for e in edge.events("ended")), "it knows of the end"
        )


async def test_whichever_edge_registers_all_take_the_calls(house: Front, tmp_path: Path) -> None:
    one, other = house.edges
    async with kamailio(tmp_path, user=ACCOUNT, port=house.registrar_port) as registrar:

        def registered() -> int:
            return len(re.findall(rf"REGISTERED {ACCOUNT} expires [1-9]", registrar.log))

        async def call() -> str:
            async with raw_caller(registrar.port) as caller:
                caller.contact = f"sip:555@{HOST}:{registrar.port}"
                await caller.invite()
                response = await caller.confirm()
                routes = re.findall(r"^Record-Route: (\S+)", response, re.M)
                way = "\n".join(f"Route: {route}" for route in reversed(routes))
                caller.send(caller.request("ACK", 1, headers=way))
                caller.send(caller.request("BYE", 2, headers=way))
                assert (await caller.answer(2)).startswith("SIP/2.0 200")
                return house.took(caller.call_id).name

        await one.obey("register")
        await until(lambda: registered() == 1, "the first edge has registered")
        assert {await call(), await call()} == {one.name, other.name}
        await one.obey("leave")
        await until(lambda: f"REGISTERED {ACCOUNT} expires 0" in registrar.log, "it has left")
        await other.obey("register")
        await until(lambda: registered() == 2, "the other edge has registered")
        assert {await call(), await call()} == {one.name, other.name}
        await other.obey("leave")
