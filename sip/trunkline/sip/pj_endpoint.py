"""PJSIP's endpoint-wide callbacks: accounts for INVITEs, TLS that failed, what PJSIP refused."""

from __future__ import annotations

import time
from collections.abc import Callable

import pjsua2 as pj

from trunkline.domain.trunk import Srtp, Trunk
from trunkline.runtime.logging import get_logger
from trunkline.runtime.telemetry import CALLS_REFUSED, TRUNK_REFUSED
from trunkline.sip.accounts import Accounts
from trunkline.sip.call import guarded
from trunkline.sip.front import SipFront, source_of
from trunkline.sip.invite import read_invite, split_address
from trunkline.sip.rate_limit import LineQuota
from trunkline.sip.sdp import is_encrypted
from trunkline.sip.transports import note_transport
from trunkline.sip.wire_text import one_line

log = get_logger(__name__)


class PjEndpoint(pj.Endpoint):
    """``trunk_of`` finds the trunk of a source address; it is asked on PJSIP's thread."""

    def __init__(
        self,
        accounts: Accounts,
        trunk_of: Callable[[str], Trunk | None],
        front: SipFront | None = None,
    ) -> None:
        super().__init__()
        self._front = front
        self._accounts = accounts
        self._trunk_of = trunk_of
        self._lines = LineQuota()

    @guarded
    def onSelectAccount(self, prm: pj.OnSelectAccountParam) -> None:
        source = source_of(self._front, prm.rdata.wholeMsg, prm.rdata.srcAddress)
        self._accounts.choose(prm, self._trunk_of(split_address(source)[0]))

    @guarded
    def onTransportState(self, prm: pj.OnTransportStateParam) -> None:
        note_transport(prm)

    @guarded
    def onRejectedIncomingCall(self, prm: pj.OnRejectedIncomingCallParam) -> None:
        """PJSIP refused an INVITE before we saw it: 488 no codec in common, 486 full, 400 ..."""
        status = int(prm.statusCode)
        CALLS_REFUSED.labels(status=str(status)).inc()
        message = prm.rdata.wholeMsg
        invite = read_invite(message, source_of(self._front, message, prm.rdata.srcAddress))
        trunk = self._trunk_of(invite.source_ip)
        if trunk is not None:
            TRUNK_REFUSED.labels(trunk=trunk.name, status=str(status)).inc()
        left_out = self._lines.ask(trunk.name if trunk else "", time.monotonic())
        if left_out is None:
            return
        why = one_line(prm.reason)
        if trunk is not None and status in (406, 488):
            why = _no_agreement(trunk, is_encrypted(invite.sdp)) or why
        log.info(
            "INVITE refused by PJSIP",
            sip_status=status,
            reason=why,
            source_ip=invite.source_ip,
            trunk=trunk.name if trunk else "",
            left_out_before=left_out,
        )


def _no_agreement(trunk: Trunk, is_offer_encrypted: bool) -> str:
    """What an offer and a trunk's ``srtp`` do not agree about; empty when it is not that."""
    if trunk.srtp is Srtp.REQUIRED and not is_offer_encrypted:
        return "the offer is plain RTP and the trunk's srtp is 'required'"
    if trunk.srtp is Srtp.OFF and is_offer_encrypted:
        return "the offer is SRTP only and the trunk's srtp is 'off'"
    return ""
