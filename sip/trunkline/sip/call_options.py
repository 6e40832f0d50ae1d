"""What PJSIP is told with a command, and what it tells with an event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pjsua2 as pj


def audio_only() -> pj.CallOpParam:
    """One audio line: by default PJSIP 2.17 offers real-time text (RFC 4103) too."""
    options = pj.CallOpParam(True)
    options.opt.audioCount = 1
    options.opt.videoCount = 0
    options.opt.textCount = 0
    return options


def with_status(sip_status: int, headers: Mapping[str, str]) -> pj.CallOpParam:
    options = pj.CallOpParam()
    options.statusCode = sip_status
    add_headers(options, headers)
    return options


def add_headers(options: pj.CallOpParam, headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        header = pj.SipHeader()
        header.hName, header.hValue = name, value
        options.txOption.headers.append(header)


def received_message(event: Any) -> str:
    """The SIP message that brought an event about, or nothing (our own hang-up, a timer)."""
    if event.type == pj.PJSIP_EVENT_TSX_STATE:
        if event.body.tsxState.type == pj.PJSIP_EVENT_RX_MSG:
            return str(event.body.tsxState.src.rdata.wholeMsg)
    elif event.type == pj.PJSIP_EVENT_RX_MSG:
        return str(event.body.rxMsg.rdata.wholeMsg)
    return ""


def message_of(event: Any) -> tuple[str, str, bool]:
    """The SIP message of a transaction's event, the far end's address, and whether we sent it."""
    if event.type != pj.PJSIP_EVENT_TSX_STATE:
        return "", "", False
    change = event.body.tsxState
    if change.type == pj.PJSIP_EVENT_RX_MSG:
        received = change.src.rdata
        return str(received.wholeMsg), str(received.srcAddress), False
    if change.type == pj.PJSIP_EVENT_TX_MSG:
        sent = change.src.tdata
        return str(sent.wholeMsg), str(sent.dstAddress), True
    return "", "", False
