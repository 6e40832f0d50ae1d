"""The address that packets to a peer leave from: what Contact and SDP should say."""

from __future__ import annotations

import asyncio
import socket
from typing import Final

from trunkline.sip.trunks import sip_host

_RESOLVE_DEADLINE_S: Final = 3.0


def address_towards(peer_ip: str) -> str:
    """Our address on the way to a peer; empty when there is no way. Sends nothing."""
    family = socket.AF_INET6 if ":" in peer_ip else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((peer_ip, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return ""


async def address_towards_uri(uri: str) -> str:
    """The same for a SIP URI, whose host may be a name; empty when it does not resolve."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_RESOLVE_DEADLINE_S):
            answers = await loop.getaddrinfo(
                sip_host(uri), None, family=socket.AF_INET, type=socket.SOCK_DGRAM
            )
    except (OSError, TimeoutError):
        return ""
    return address_towards(str(answers[0][4][0])) if answers else ""
