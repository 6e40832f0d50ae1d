"""A trunk's account at PJSIP: registration and its state, and the INVITEs that come to it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pjsua2 as pj

from trunkline.domain.errors import TrunkError
from trunkline.domain.trunk import Trunk, TrunkAuth
from trunkline.sip.call import guarded
from trunkline.sip.config import EndpointConfig, account_config
from trunkline.sip.wire_text import one_line

# PJSIP's own wait, after a TCP or TLS connection was lost; refusals are the back-off's.
_RECONNECT_S: Final = 3
_RETRY_AFTER: Final = re.compile(r"^Retry-After\s*:\s*(\d{1,9})", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Registration:
    """How a trunk's registration stands; ``sip_status`` 0: no answer yet.

    ``retry_after_s`` is the registrar's wish; ``retry_in_s`` the wait, counted from its answer.
    """

    trunk: str
    is_registered: bool = False
    sip_status: int = 0
    reason: str = ""
    expires_s: int = 0
    retry_after_s: int = 0
    retry_in_s: int = 0

    @property
    def problem(self) -> str:
        """What is wrong and what to do, or nothing."""
        if self.is_registered:
            return ""
        match self.sip_status:
            case 0:
                return f"trunk {self.trunk}: the registrar has not answered yet"
            case 401 | 403 | 407:
                return (
                    f"trunk {self.trunk}: the registrar refused our credentials "
                    f"({self.sip_status} {self.reason}): check username, password and realm"
                )
            case 404:
                return f"trunk {self.trunk}: the registrar does not know the username"
            case 408 | 502 | 503:
                return (
                    f"trunk {self.trunk}: the registrar cannot be reached "
                    f"({self.sip_status} {self.reason}): check its address and the network"
                )
            case _:
                return (
                    f"trunk {self.trunk}: registration failed with {self.sip_status} {self.reason}"
                )


@dataclass(frozen=True, slots=True)
class Incoming:
    """An INVITE as the callback saw it; ``at_ms`` is monotonic."""

    account: PjAccount
    call_id: int
    message: str
    source: str
    at_ms: float


class PjAccount(pj.Account):
    """One per registering trunk, and one for everything known by its source address."""

    def __init__(
        self,
        trunk_name: str,
        on_incoming: Callable[[Incoming], None],
        on_registration: Callable[[Registration], None],
        on_options: Callable[[str, int], None] = lambda *_: None,
    ) -> None:
        super().__init__()
        self.trunk_name = trunk_name
        self._on_incoming = on_incoming
        self._on_registration = on_registration
        self._on_options = on_options

    @guarded
    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:
        at_ms = time.monotonic_ns() / 1e6
        rdata = prm.rdata
        self._on_incoming(Incoming(self, prm.callId, rdata.wholeMsg, rdata.srcAddress, at_ms))

    @guarded
    def onSendRequest(self, prm: pj.OnSendRequestParam) -> None:
        asked = prm.e.body.tsxState.tsx
        if asked.method == "OPTIONS" and asked.statusCode >= 200:
            self._on_options(self.trunk_name, int(asked.statusCode))

    @guarded
    def onRegState(self, prm: pj.OnRegStateParam) -> None:
        status = int(prm.code)
        self._on_registration(
            Registration(
                trunk=self.trunk_name,
                is_registered=status // 100 == 2 and prm.expiration > 0,
                sip_status=status,
                reason=one_line(prm.reason),
                expires_s=int(prm.expiration),
                retry_after_s=retry_after_s(prm.rdata.wholeMsg),
            )
        )


def retry_after_s(message: str) -> int:
    """What a response's Retry-After says, in seconds; 0 without one."""
    found = _RETRY_AFTER.search(message.replace("\r\n", "\n").partition("\n\n")[0])
    return int(found[1]) if found else 0


def registrar_uri(trunk: Trunk) -> str:
    return (
        trunk.registrar
        if trunk.registrar.startswith(("sip:", "sips:"))
        else (f"sip:{trunk.registrar}")
    )


def registrar_host(trunk: Trunk) -> str:
    """Host and port of the registrar, without URI parameters."""
    return registrar_uri(trunk).partition(":")[2].partition(";")[0].rpartition("@")[2]


def shown_uri(caller_id: str, trunk: Trunk, host: str, port: int) -> str:
    """What From gives for a number of the trunk's: at its registrar, or at our own address."""
    is_ours = trunk.auth is not TrunkAuth.REGISTER
    return f"sip:{caller_id}@{f'{host}:{port}' if is_ours else registrar_host(trunk)}"


def target_uri(target: str, trunk: Trunk) -> str:
    """A SIP URI as given; a number becomes one at the trunk's registrar or proxy."""
    if target.startswith(("sip:", "sips:")):
        return target
    if not trunk.registrar:
        raise TrunkError(f"trunk {trunk.name} has no registrar: give a sip: URI, not a number")
    _, semicolon, params = trunk.registrar.partition(";")
    return f"sip:{target}@{registrar_host(trunk)}{semicolon}{params}"


def registering_config(config: EndpointConfig, trunk: Trunk) -> pj.AccountConfig:
    host = registrar_host(trunk)
    account = account_config(config, f"sip:{trunk.username}@{host}", trunk.srtp)
    registration = account.regConfig
    registration.registrarUri = registrar_uri(trunk)
    registration.timeoutSec = trunk.expires_s
    registration.registerOnAdd = False
    registration.firstRetryIntervalSec = _RECONNECT_S
    registration.retryIntervalSec = _RECONNECT_S
    registration.randomRetryIntervalSec = 1
    account.sipConfig.authCreds.append(
        pj.AuthCredInfo("digest", trunk.realm, trunk.username, 0, trunk.password)
    )
    if trunk.outbound_proxy:
        account.sipConfig.proxies.append(trunk.outbound_proxy)
    return account
