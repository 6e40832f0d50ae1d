"""A minute's slice of ``make soak``: the same restless callers and clients, a fixed seed."""

from __future__ import annotations

from typing import Final

import pytest
from tests.peers.drivers.installation import Installation
from tests.soak.churn import SLICE, Churn
from tests.soak.processes import held, open_files, tasks_of_model, until_idle
from tests.soak.reckoning import complaints, log_complaints, until_all_written
from tests.soak.sessions import many_sessions

pytestmark = pytest.mark.peers

# A pool may still grow by a connection; a leak costs at least one descriptor for each of these.
_FILES_MORE: Final = 4
_TASKS_MORE: Final = 4  # of requests that are just being answered
_CALLS: Final = 16
_SESSIONS: Final = 40


async def test_restless_callers_leave_nothing_behind(house: Installation) -> None:
    pids = {name: house.child_pid(name) for name in ("sip", "model")}
    churn = Churn(house, 20, SLICE)
    churn.prepare()
    await churn.run(4, at_once=4)
    await until_idle(house, 30)
    before = {name: held(pid) for name, pid in pids.items()}
    await churn.run(_CALLS, at_once=8)
    await until_idle(house, 30)
    await until_all_written(house, churn.stories, 20)
    assert not await complaints(house, churn.stories)
    assert not log_complaints(house, churn.stories)
    for name, pid in pids.items():
        assert held(pid).files <= before[name].files + _FILES_MORE, (name, open_files(pid))


async def test_realtime_clients_that_vanish_leave_no_session_behind(house: Installation) -> None:
    pid = house.child_pid("model")
    await many_sessions(house, 20, at_once=10, seed=1)
    await until_idle(house, 20)
    before, tasks_before = held(pid), await tasks_of_model(house)
    await many_sessions(house, _SESSIONS, at_once=10, seed=2)
    await until_idle(house, 20)
    assert held(pid).files <= before.files + _FILES_MORE, open_files(pid)
    assert held(pid).processes == before.processes
    assert await tasks_of_model(house) <= tasks_before + _TASKS_MORE
    assert not log_complaints(house, ())
