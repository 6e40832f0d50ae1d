"""The endpoint's transports: UDP and TCP on one port, TLS on another."""

from __future__ import annotations

import pjsua2 as pj

from trunkline.domain.errors import ConfigError, TrunkError
from trunkline.runtime.logging import get_logger
from trunkline.runtime.telemetry import TLS_FAILURES
from trunkline.sip.config import EndpointConfig, sip_transport, tls_transport
from trunkline.sip.wire_text import one_line

log = get_logger(__name__)


class Transports:
    """Methods belong to the control thread; ``host`` and ``port`` stand once it has opened."""

    def __init__(self, config: EndpointConfig) -> None:
        self._config = config
        self._tls_id = pj.PJSUA_INVALID_ID
        self.host = ""
        self.port = 0
        self.tls_port = 0

    def open(self, ep: pj.Endpoint) -> None:
        """Bind; ConfigError names the port that cannot be had."""
        port = self._config.sip_port
        for kind, label in ((pj.PJSIP_TRANSPORT_UDP, "UDP"), (pj.PJSIP_TRANSPORT_TCP, "TCP")):
            try:
                transport = ep.transportCreate(kind, sip_transport(self._config, port))
            except pj.Error as exc:
                raise ConfigError(
                    f"cannot listen for SIP on {self._config.bind_address}:{port} ({label}): "
                    f"{exc.reason}; set TRUNKLINE_SIP_PORT or TRUNKLINE_BIND_ADDRESS"
                ) from None
            host, _, number = ep.transportGetInfo(transport).localName.rpartition(":")
            port = int(number)
            self.host = self._config.public_address or host
        self.port = port
        if self._config.tls is not None:
            self._open_tls(ep, self._config.tls.port)

    def renew_certificate(self, ep: pj.Endpoint) -> None:
        """Listen anew, with what the files hold now; connections that are up stay up."""
        if self._tls_id == pj.PJSUA_INVALID_ID:
            return
        tls_id, self._tls_id = self._tls_id, pj.PJSUA_INVALID_ID
        ep.transportClose(tls_id)
        try:
            self._open_tls(ep, self.tls_port)
        except ConfigError as exc:
            raise TrunkError(exc.message) from None

    def _open_tls(self, ep: pj.Endpoint, port: int) -> None:
        try:
            tls_id = ep.transportCreate(pj.PJSIP_TRANSPORT_TLS, tls_transport(self._config, port))
        except pj.Error as exc:
            raise ConfigError(
                f"cannot listen for SIP over TLS on {self._config.bind_address}:{port}: "
                f"{exc.reason}; look at TRUNKLINE_SIP_TLS_PORT, _CERT and _KEY"
            ) from None
        self._tls_id = tls_id
        self.tls_port = int(ep.transportGetInfo(tls_id).localName.rpartition(":")[2])


def note_transport(prm: pj.OnTransportStateParam) -> None:
    """Say why a TLS connection could not be used: whose certificate, and what is wrong with it."""
    tls = prm.tlsInfo
    if prm.state != pj.PJSIP_TP_STATE_DISCONNECTED or tls.isEmpty():
        return
    if not tls.verifyStatus:
        return
    TLS_FAILURES.inc()
    seen = tls.remoteCertInfo
    log.warning(
        "a carrier's TLS certificate was refused: no call and no registration goes over it",
        remote=tls.remoteAddr,
        problem="; ".join(one_line(text) for text in tls.verifyMsgs),
        subject=one_line(seen.subjectCn),
        expires=seen.validityEnd.sec,
        to_fix="have it renewed, name its issuer in TRUNKLINE_SIP_TLS_CA_FILE, or write the"
        " registrar by the name that the certificate gives",
    )
