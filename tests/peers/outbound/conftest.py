"""An installation that may call: its carrier is whatever phone rings at one port."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest
from tests.peers.conversation.caller import Caller
from tests.peers.conversation.event_log import CallLog
from tests.peers.drivers.baresip import baresip
from tests.peers.drivers.installation import Installation, running
from tests.peers.drivers.ports import free_port
from tests.peers.drivers.tones import write_wav

NUMBER = "+441632960100"
OURS = "+441632960000"
DEAR = "+441632999"

_CONFIG = """\
[[trunks]]
name = "carrier"
auth = "source"
sources = ["192.0.2.1/32"]
registrar = "sip:127.0.0.1:{port}"
caller_ids = ["{ours}"]
prices = {{ "+44" = 0.6, "{dear}" = 90.0 }}
billing = "1/1"
"""
_REMINDER = """\
agent: {name: reminder, display_name: Mill Road Surgery, voice: coral}
start: remind
variables: {patient: nobody, day: some day}
intents:
  fine: {label: coming, description: They will come., goto: thanks,
         examples: [that is fine, yes i will be there, i will come, that is right]}
steps:
  remind:
    say: "Hello {{ patient }}, this is the surgery. You are due on {{ day }}. Will you come?"
    listen: {intents: [fine]}
  thanks: {say: "Thank you, we will see you then. Goodbye.", hang_up: done}
"""


@dataclass(frozen=True, slots=True)
class House:
    """``phone_port`` is where calls over its trunk arrive."""

    installation: Installation
    phone_port: int


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("tl")  # short: Redis listens on a Unix socket below it
    port = free_port()
    config = folder / "trunkline.toml"
    config.write_text(_CONFIG.format(port=port, ours=OURS, dear=DEAR))
    (folder / "agents").mkdir()
    (folder / "agents" / "reminder.yaml").write_text(_REMINDER)
    with running(
        folder / "var",
        TRUNKLINE_CONFIG=str(config),
        TRUNKLINE_AGENTS_DIR=str(folder / "agents"),
        TRUNKLINE_OUTBOUND_PREFIXES="+441632",
        TRUNKLINE_OUTBOUND_SPEND_CAP="50",
    ) as installation:
        yield House(installation, port)


Phone: TypeAlias = Callable[..., AbstractAsyncContextManager[Caller]]


@pytest.fixture
def phone(house: House, tmp_path: Path) -> Phone:
    """A phone with our number on it; ``answers=False`` lets it ring."""

    @asynccontextmanager
    async def ring(*, answers: bool = True) -> AsyncIterator[Caller]:
        folder = tmp_path / ("answers" if answers else "rings")
        folder.mkdir()
        silence = write_wav(folder / "silence.wav", bytes(2 * 8000 * 60), 8000)
        async with baresip(
            folder / "phone",
            silence,
            user=NUMBER,
            codec="PCMU",
            answers=answers,
            sip_port=house.phone_port,
        ) as softphone:
            person = Caller(house.installation, softphone, folder, 8000)
            person.log = CallLog(house.installation.data_dir, OURS)
            yield person

    return ring
