from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from functools import partial

import pytest

from trunkline.domain.errors import TrunkError
from trunkline.sip import endpoint as endpoint_module
from trunkline.sip.config import EndpointConfig
from trunkline.sip.control_thread import ControlThread
from trunkline.sip.endpoint import Endpoint


@pytest.fixture
def control() -> Iterator[ControlThread]:
    thread = ControlThread()
    thread.start()
    yield thread
    assert thread.stop(5)


async def test_commands_run_in_order_on_one_thread_of_their_own(control: ControlThread) -> None:
    seen: list[tuple[int, int]] = []

    def note(n: int) -> None:
        seen.append((n, threading.get_ident()))

    for n in range(100):
        control.post(partial(note, n))
    thread = await control.run(threading.get_ident)
    assert [n for n, _ in seen] == list(range(100))
    assert {ident for _, ident in seen} == {thread}
    assert thread != threading.get_ident()
    assert await control.run(lambda: control.is_current)
    assert not control.is_current


async def test_a_commands_failure_is_its_callers_and_the_thread_goes_on(
    control: ControlThread,
) -> None:
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await control.run(fail)
    control.post(fail)
    assert await control.run(lambda: 7) == 7


async def test_not_even_system_exit_ends_the_thread(control: ControlThread) -> None:
    def leave() -> None:
        raise SystemExit(3)

    control.post(leave)
    assert await control.run(lambda: "still here") == "still here"


async def test_a_pjsip_error_arrives_as_ours_with_its_words(control: ControlThread) -> None:
    class PjError(Exception):
        title, reason, status = "pjsua_call_answer", "Invalid operation", 70013

    def fail() -> None:
        raise PjError

    with pytest.raises(TrunkError, match=r"pjsua_call_answer: Invalid operation \(70013\)") as seen:
        await control.run(fail)
    assert seen.value.__cause__ is None
    assert seen.value.__context__ is None


async def test_a_command_that_takes_too_long_is_given_up(control: ControlThread) -> None:
    go_on = threading.Event()
    try:
        with pytest.raises(TrunkError, match="did not answer"):
            await control.run(go_on.wait, deadline_s=0.05)
    finally:
        go_on.set()


async def test_a_full_queue_refuses_and_says_so(control: ControlThread) -> None:
    go_on = threading.Event()
    control.post(go_on.wait)
    try:
        with pytest.raises(TrunkError, match="overloaded"):
            for _ in range(5000):
                control.post(lambda: None)
    finally:
        go_on.set()


async def test_later_commands_run_when_due(control: ControlThread) -> None:
    order: list[str] = []
    done = asyncio.Event()
    loop = asyncio.get_running_loop()

    def plan() -> None:
        control.later(0.06, lambda: loop.call_soon_threadsafe(done.set))
        control.later(0.04, lambda: order.append("second"))
        control.later(0.02, lambda: order.append("first"))

    await control.run(plan)
    async with asyncio.timeout(5):
        await done.wait()
    assert order == ["first", "second"]


def test_what_was_queued_before_the_stop_still_runs_and_nothing_after() -> None:
    control = ControlThread()
    control.start()
    ran: list[int] = []
    control.post(lambda: ran.append(1))
    assert control.stop(5)
    assert ran == [1]
    with pytest.raises(TrunkError, match="shut down"):
        control.post(lambda: None)


async def test_what_is_owed_is_done_although_nobody_waits_any_more(control: ControlThread) -> None:
    done: list[str] = []
    go_on = threading.Event()
    control.post(lambda: go_on.wait(5))
    for name, is_owed in (("answer", False), ("BYE", True)):
        with pytest.raises(TrunkError, match="did not answer"):
            await control.run(partial(done.append, name), deadline_s=0.01, is_owed=is_owed)
    go_on.set()
    await control.run(lambda: None)
    assert done == ["BYE"]


async def test_an_idle_that_fails_does_not_end_the_only_thread() -> None:
    looked = threading.Event()

    def idle() -> None:
        looked.set()
        raise RuntimeError("as the test wants")

    thread = ControlThread(idle=idle)
    thread.start()
    assert await thread.run(lambda: "one") == "one"
    assert looked.wait(5)
    assert await thread.run(lambda: "two") == "two"
    assert thread.stop(5)


async def test_an_endpoint_whose_thread_stands_still_has_a_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(endpoint_module, "_ANSWER_S", 0.05)
    endpoint = Endpoint(EndpointConfig())
    control = endpoint._control
    control.start()
    assert await endpoint.problem() == ""
    go_on = threading.Event()
    control.post(lambda: go_on.wait(5))
    assert "did not answer" in await endpoint.problem()
    go_on.set()
    await control.run(lambda: None)
    assert await endpoint.problem() == ""
    assert control.stop(5)
    assert "shut down" in await endpoint.problem()
