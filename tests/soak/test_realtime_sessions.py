"""Realtime clients that come and go by the hundred, one in three without a word: 1,200 of them
after a first 300, by which everything is loaded."""

from __future__ import annotations

from typing import Final

import pytest
from tests.peers.drivers.installation import running
from tests.soak.processes import held, open_files, tasks_of_model, until_idle
from tests.soak.reckoning import log_complaints
from tests.soak.sessions import ENDS, many_sessions

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1200)]

SESSIONS: Final = 300
AT_ONCE: Final = 20
ROUNDS: Final = 5
_FILES_MORE: Final = 4
_TASKS_MORE: Final = 4  # of requests that are just being answered
_RSS_MORE_MB: Final = 40.0


async def test_realtime_sessions_by_the_hundred_leave_nothing_behind(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with running(tmp_path_factory.mktemp("tl") / "var") as installation:
        pid = installation.child_pid("model")
        await many_sessions(installation, SESSIONS, AT_ONCE, seed=0)
        await until_idle(installation, 30)
        before, tasks_before = held(pid), await tasks_of_model(installation)
        for number in range(1, ROUNDS):
            ended = await many_sessions(installation, SESSIONS, AT_ONCE, seed=number)
            assert set(ended) == set(ENDS)
            await until_idle(installation, 30)
        after = held(pid)
        assert after.processes == before.processes
        assert await tasks_of_model(installation) <= tasks_before + _TASKS_MORE
        assert after.files <= before.files + _FILES_MORE, open_files(pid)
        assert after.rss_mb <= before.rss_mb + _RSS_MORE_MB
        assert not log_complaints(installation, ())
