"""What a process leans on is begun again; what belongs to one call may fail alone."""

from __future__ import annotations

import asyncio

from tests.fakes.virtual_time import run_virtual

from trunkline.runtime.supervision import Nursery, kept_up, nursery, until_first_done


def test_work_that_fails_is_begun_again_after_ever_longer_pauses() -> None:
    begun_s: list[float] = []

    async def work() -> None:
        now_s = asyncio.get_running_loop().time()
        begun_s.append(now_s)
        if len(begun_s) == 8:
            await asyncio.sleep(600)  # a long good time is forgiven
        if len(begun_s) < 10:
            raise RuntimeError("as the test wants")

    async def play() -> None:
        await kept_up("work", work)

    run_virtual(play())
    pauses = [b - a for a, b in zip(begun_s, begun_s[1:], strict=False)]
    assert pauses == [0.5, 1, 2, 4, 8, 10, 10, 600.5, 1]


def test_work_that_is_cancelled_is_not_begun_again() -> None:
    begun: list[int] = []

    async def work() -> None:
        begun.append(1)
        await asyncio.sleep(3600)

    async def play() -> None:
        async with nursery("test") as tasks:
            tasks.start(kept_up("work", work), "work")
            await asyncio.sleep(1)
        assert begun == [1]
        assert tasks.failures == 0

    run_virtual(play())


def test_a_task_that_fails_alone_is_counted_and_the_others_go_on() -> None:
    async def fails() -> None:
        raise RuntimeError("as the test wants")

    async def play() -> None:
        tasks = Nursery("test")
        tasks.start(fails(), "bad")
        good = tasks.start(asyncio.sleep(1, "done"), "good")
        assert await tasks.drain(10) == 0
        assert (good.result(), tasks.failures) == ("done", 1)

    run_virtual(play())


def test_the_first_side_that_ends_is_named_and_ends_the_others() -> None:
    async def play() -> None:
        assert await until_first_done(a=asyncio.sleep(5), b=asyncio.sleep(1)) == "b"

    run_virtual(play())
