"""A real registrar and proxy: Kamailio with digest, in memory, on a port of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from tests.peers.drivers.ports import free_port
from tests.peers.drivers.sipp import options, sipp

_CONFIG: Final = """\
#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
children=2
tcp_children=2
listen=udp:127.0.0.1:{port}
listen=tcp:127.0.0.1:{port}
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "auth.so"
loadmodule "xlog.so"
modparam("usrloc", "db_mode", 0)
modparam("registrar", "min_expires", 1)
request_route {{
  if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
  if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
  if (has_totag()) {{
    if (loose_route()) {{ t_relay(); exit; }}
    if (is_method("ACK") && t_check_trans()) {{ t_relay(); exit; }}
    if (is_method("ACK")) exit;
    sl_send_reply("404", "Not here"); exit;
  }}
  t_check_trans();
  if (is_method("INVITE|SUBSCRIBE")) record_route();
  if (is_method("REGISTER")) {{
    if (!pv_www_authenticate("127.0.0.1", "{password}", "0")) {{
      www_challenge("127.0.0.1", "0"); exit;
    }}
    save("location");
    xlog("L_NOTICE", "REGISTERED $tU expires $hdr(Expires)\\n");
    exit;
  }}
  if (is_method("OPTIONS") && $rU == $null) {{ sl_send_reply("200", "OK"); exit; }}
  # What a carrier does: any number is the account's, and the number stays in To.
  if ($rU =~ "^[0-9+]+$") $rU = "{user}";
  if (!lookup("location")) {{ t_newtran(); t_reply("404", "Not Found"); exit; }}
  t_relay();
}}
"""


@dataclass(frozen=True, slots=True)
class Kamailio:
    port: int
    user: str
    password: str
    folder: Path

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")


@asynccontextmanager
async def kamailio(
    folder: Path, *, user: str = "trunkline", password: str = "s3cret", port: int = 0
) -> AsyncIterator[Kamailio]:
    """Run one; every number it is asked for is the registered account's."""
    if shutil.which("kamailio") is None:
        pytest.skip("kamailio is not installed (Debian: kamailio)")
    (folder / "run").mkdir(parents=True)
    proxy = Kamailio(port or free_port(), user, password, folder)
    config = folder / "kamailio.cfg"
    config.write_text(_CONFIG.format(port=proxy.port, user=user, password=password))
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *("kamailio", "-f", str(config), "-DD", "-E", "-m", "16", "-M", "4"),
            *("-Y", str(folder / "run"), "-P", str(folder / "pid")),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        await _wait_until_it_answers(proxy)
        yield proxy
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(5):
                await process.wait()
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def _wait_until_it_answers(proxy: Kamailio) -> None:
    """SIPp repeats its OPTIONS until it has a 200."""
    run = await sipp(proxy.folder / "probe", options(), proxy.port, deadline_s=10)
    assert run.exit_status == 0, proxy.log
