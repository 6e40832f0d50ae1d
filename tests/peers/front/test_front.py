"""Kamailio in front of two edges: calls are spread, dialogs stay, and nobody is believed."""

from __future__ import annotations

import asyncio
import re
import socket
from collections import Counter
from pathlib import Path

import pytest
from tests.peers.drivers.raw_sip import raw_caller
from tests.peers.drivers.sipp import answered, invite, options, sipp
from tests.peers.front.conftest import HOST, Front, until

pytestmark = [pytest.mark.peers, pytest.mark.timeout(400)]


async def test_calls_are_spread_and_end_where_they_began(house: Front, tmp_path: Path) -> None:
    before = house.count()
    run = await sipp(tmp_path, answered("100"), house.port, calls=10, deadline_s=40)
    assert run.exit_status == 0, run.messages
    assert [now - then for now, then in zip(house.count(), before, strict=True)] == [5, 5]
    for edge in house.edges:
        taken = {event["call"] for event in edge.events("took")}
        await until(
            lambda edge=edge, taken=taken: (
                taken  # type: ignore[misc]
                == {event["call"] for event in edge.events("ended")}
            ),
            "every call has ended where it was taken",
        )


async def test_calls_come_over_tcp_as_well(house: Front, tmp_path: Path) -> None:
    run = await sipp(tmp_path, answered("100"), house.port, calls=2, transport="t1")
    assert run.exit_status == 0, run.messages


async def test_a_call_that_is_given_up_is_cancelled_at_its_edge(house: Front) -> None:
    async with raw_caller(house.port) as caller:
        caller.contact = f"sip:200@{HOST}"
        caller.send(caller.request("INVITE", 1, body=caller.offer(), branch="given-up"))
        await caller.heard(r"SIP/2\.0 180 ")
        caller.send(caller.request("CANCEL", 1, branch="given-up"))
        await caller.heard(r"SIP/2\.0 487 ")
        edge = house.took(caller.call_id)
        await until(
            lambda: caller.call_id in {e["call"] for e in edge.events("ended")}, "it has ended"
        )


async def test_an_edge_can_hold_and_end_a_call_and_a_caller_can_hold_it(house: Front) -> None:
    async with raw_caller(house.port) as caller:
        await caller.invite()
        response = await caller.confirm()
        edge = house.took(caller.call_id)
        assert f"sip:trunkline@{HOST}:{house.port};edge={edge.name}" in response
        await asyncio.wait_for(caller.heard(r"SIP/2\.0 200 "), 5)
        caller.send(caller.request("INVITE", 2, body=caller.offer() + "a=sendonly\r\n"))
        assert (await caller.answer(2)).startswith("SIP/2.0 200")
        caller.send(caller.request("ACK", 2))
        await until(lambda: caller.call_id in {e["call"] for e in edge.events("LegHeld")}, "held")
        edge.order(f"hang-up {caller.call_id}")
        request = await caller.heard("BYE ")
        assert request.startswith(f"BYE sip:raw@{HOST}:{caller.port}")
        assert request.count("\nVia:") == 2


async def test_a_draining_edge_keeps_its_calls_and_gets_no_new_ones(
    house: Front, tmp_path: Path
) -> None:
    async with raw_caller(house.port) as caller:
        await caller.invite()
        await caller.confirm()
        draining = house.took(caller.call_id)
        other = next(edge for edge in house.edges if edge is not draining)
        noticed = house.switched(draining, "no calls")
        await draining.obey("drain")
        counts = [len(edge.events("took")) for edge in (draining, other)]
        # At once: the front does not know yet, and has the 503 to go by.
        run = await sipp(tmp_path / "at-once", answered("100"), house.port, calls=4)
        assert run.exit_status == 0, run.messages
        await until(lambda: house.switched(draining, "no calls") > noticed, "the front notices")
        run = await sipp(tmp_path / "later", answered("100"), house.port, calls=2)
        assert run.exit_status == 0, run.messages
        now = [len(edge.events("took")) for edge in (draining, other)]
        assert now == [counts[0], counts[1] + 6]
        assert (await caller.hang_up()).startswith("SIP/2.0 200")

    await other.obey("drain")
    run = await sipp(tmp_path / "none", invite("100", expect=503), house.port)
    assert run.exit_status == 0, run.messages
    assert run.header("Retry-After", 503)
    await until(lambda: house.switched(other, "no calls") > 0, "the front notices")
    run = await sipp(tmp_path / "asked", options(expect=503), house.port)
    assert run.exit_status == 0, run.messages
    ups = [house.switched(edge, "calls") for edge in house.edges]
    for edge in house.edges:
        await edge.obey("resume")
    await until(
        lambda: all(
            house.switched(edge, "calls") > up for edge, up in zip(house.edges, ups, strict=True)
        ),
        "both take calls again",
    )


async def test_calls_go_on_when_an_edge_is_killed_under_load(house: Front, tmp_path: Path) -> None:
    """Five calls a second, about ten up: those of the killed edge end, and no INVITE fails."""
    killed, other = house.edges
    load = asyncio.create_task(
        sipp(
            tmp_path,
            answered("100", hold_ms=2000),
            house.port,
            calls=30,
            rate=5,
            deadline_s=60,
        ),
        name="load",
    )
    before = len(killed.events("took"))
    await until(lambda: len(killed.events("took")) >= before + 7, "the edge has calls", 30)
    killed.kill()
    run = await load
    answers = [one for one in run.responses() if re.search(r"^CSeq: 1 INVITE$", one, re.M)]
    finals = Counter(one.split()[1] for one in answers if not one.startswith("SIP/2.0 1"))
    assert set(finals) == {"200"}, finals
    taken = {re.search(r"^Call-ID: (\S+)", one, re.M)[1] for one in answers}  # type: ignore[index]
    assert len(taken) == 30
    lost = {event["call"] for event in killed.events("took")}
    await until(
        lambda: taken - lost <= {event["call"] for event in other.events("ended")},
        "the calls of the other edge have ended",
    )
    ups = house.switched(killed, "calls")
    killed.start()
    await until(lambda: house.switched(killed, "calls") > ups, "it is back", 30)


def with_headers(scenario: str, *headers: str) -> str:
    return scenario.replace("Max-Forwards: 70\n", "\n".join([*headers, "Max-Forwards: 70\n"]), 1)


ASSERTED = "P-Asserted-Identity: <sip:+441632960777@carrier.example>"


async def test_an_edge_knows_who_really_calls(house: Front, tmp_path: Path) -> None:
    scenario = with_headers(answered("100"), ASSERTED)
    for source, trunk, asserted in (
        ("127.0.0.9", "carrier", "+441632960777"),
        ("127.0.0.1", "lan", ""),
    ):
        before = sum(house.count())
        run = await sipp(tmp_path / trunk, scenario, house.port, local_ip=source)
        assert run.exit_status == 0, run.messages
        taken = [event for edge in house.edges for event in edge.events("took")]
        assert len(taken) == before + 1
        call = re.search(r"^Call-ID: (\S+)", run.messages, re.M)
        assert call is not None
        (told,) = [event for event in taken if event["call"] == call[1]]
        assert (told["trunk"], told["asserted"]) == (trunk, asserted)


@pytest.mark.parametrize(
    "forged",
    [
        ["X-Trunkline-Source: 127.0.0.9:5060;transport=udp"],
        ["x-trunkline-source : 127.0.0.9:5060;transport=udp"],
        ["X-Trunkline-Source: 127.0.0.9:5060;transport=udp"] * 2,
        ["Subject: one", " X-Trunkline-Source: 127.0.0.9:5060;transport=udp"],
        ["Subject: one\rX-Trunkline-Source: 127.0.0.9:5060;transport=udp"],
    ],
)
async def test_a_stranger_who_forges_a_source_stays_one(
    house: Front, tmp_path: Path, forged: list[str]
) -> None:
    scenario = with_headers(invite("100", expect=403), ASSERTED, *forged)
    before = house.count()
    run = await sipp(tmp_path / "front", scenario, house.port, local_ip="127.0.0.5")
    assert run.exit_status == 0, run.messages
    direct = await sipp(tmp_path / "edge", scenario, house.edges[0].port, local_ip="127.0.0.5")
    assert direct.exit_status == 0, direct.messages
    assert house.count() == before


async def test_the_front_relays_for_its_edges_only(house: Front) -> None:
    """Neither Route nor a Request-URI nor another's edge parameter leads past the edges."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim:
        victim.bind((HOST, 0))
        victim.setblocking(False)
        there = f"{HOST}:{victim.getsockname()[1]}"
        async with raw_caller(house.port) as caller:
            caller.contact = f"sip:100@{there}"
            caller.send(
                caller.request("INVITE", 1, body=caller.offer(), headers=f"Route: <sip:{there};lr>")
            )
            # Taken for us, by the number: not sent on.
            await caller.confirm()
            await caller.hang_up()
        for contact in (f"sip:100@{there}", f"sip:100@{there};edge=nobody"):
            async with raw_caller(house.port) as caller:
                caller.contact, caller.to_tag = contact, "made-up"
                caller.send(caller.request("BYE", 2, headers=f"Route: <sip:{there};lr>"))
                assert (await caller.answer(2)).startswith("SIP/2.0 481")
        for method in ("REGISTER", "MESSAGE", "SUBSCRIBE", "REFER", "NOTIFY"):
            async with raw_caller(house.port) as caller:
                caller.contact = f"sip:100@{there}"
                caller.send(caller.request(method, 1))
                assert (await caller.answer(1)).startswith("SIP/2.0 405")
        with pytest.raises(BlockingIOError):
            victim.recv(100)


async def test_malformed_messages_do_no_harm(house: Front, tmp_path: Path) -> None:
    number = "+441632960555"
    start = f"INVITE sip:{number}@{HOST} SIP/2.0\r\n"
    rest = (
        f"Via: SIP/2.0/UDP {HOST}:9;branch=z9hG4bKbad\r\nFrom: <sip:{number}@x>;tag=1\r\n"
        f"To: <sip:{number}@x>\r\nCall-ID: bad\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n"
    )
    many = "".join(f"X-{i}: {number}\r\n" for i in range(1500))
    bad = [
        b"",
        b"\r\n\r\n",
        b"\0" * 2000,
        b"\xff" * 60000,
        f"INVITE {number}\r\n\r\n".encode(),
        f"{start}\r\n".encode(),
        f"{start}{rest}Content-Length: -5\r\n\r\n".encode(),
        f"{start}{rest}Content-Length: 99999\r\n\r\nv=0".encode(),
        f"{start}{rest.replace('CSeq: 1 INVITE', 'CSeq: 1 BYE')}\r\n".encode(),
        f"{start}{rest.replace('CSeq: 1', 'CSeq: 99999999999')}\r\n".encode(),
        f"{start}{rest.replace('z9hG4bKbad', 'z9hG4bK' + 'a' * 8000)}\r\n".encode(),
        f"{start}{rest}{many}\r\n".encode(),
        f"{start.replace('2.0', '7.0')}{rest}\r\n".encode(),
        f"{start.replace('sip:', 'http:')}{rest}\r\n".encode(),
        f"{start.replace(number, number + '%00%0d%0a')}{rest}\r\n".encode(),
        f"SIP/2.0 200 OK\r\n{rest}\r\n".encode(),
    ]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.5", 0))
        for message in bad:
            stranger.sendto(message, (HOST, house.port))
    run = await sipp(tmp_path, answered("100"), house.port, calls=4)
    assert run.exit_status == 0, run.messages
    assert house.process.poll() is None
    assert number.lstrip("+") not in house.log, house.log[-3000:]
