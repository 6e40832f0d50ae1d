"""What the SIP endpoint is told at start, and how that is said to PJSIP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import pjsua2 as pj

from trunkline.domain.audio import PTIME_MS
from trunkline.domain.errors import ConfigError
from trunkline.domain.trunk import Srtp
from trunkline.sip.front import SipFront
from trunkline.sip.registration_backoff import Backoff

# The bridge's own rate. 16 kHz keeps wideband codecs wide; a G.711 call is mixed at it only while
# a third party listens (native/patches/same-rate.patch): resampling took half of the media clock.
BRIDGE_RATE_HZ: Final = 16000
JITTER_BUFFER_MAX_MS: Final = 200
USER_AGENT: Final = "Trunkline"
ANY_ADDRESS: Final = ("", "0.0.0.0", "::")

# Cheapest first: an Opus call costs seven times a G.711 call (measured). The order matters only
# for offers of ours; an answer keeps the offerer's order.
CODECS: Final = ("PCMU/8000", "PCMA/8000", "G722/16000", "opus/48000")
_CODEC_IDS: Final[Mapping[str, str]] = {
    "PCMU/8000": "PCMU/8000/1",
    "PCMA/8000": "PCMA/8000/1",
    "G722/16000": "G722/16000/1",
    "opus/48000": "opus/48000/2",
}
_TOP_PRIORITY: Final = 250
_LAST_PRIORITY: Final = 1

# Room above max_calls, so that a call beyond it is refused by us with 503 and Retry-After, not by
# PJSIP with 486. PJSUA_MAX_CALLS in config_site.h is the hard bound.
_REFUSAL_HEADROOM: Final = 64
_PJSUA_MAX_CALLS: Final = 512


_SRTP: Final[Mapping[Srtp, int]] = MappingProxyType(
    {
        Srtp.OFF: pj.PJMEDIA_SRTP_DISABLED,
        Srtp.OPTIONAL: pj.PJMEDIA_SRTP_OPTIONAL,
        Srtp.REQUIRED: pj.PJMEDIA_SRTP_MANDATORY,
    }
)


@dataclass(frozen=True, slots=True)
class Tls:
    """SIP over TLS: what we show, and who may vouch for carriers. ``port`` 0 takes any."""

    port: int
    certificate: Path
    key: Path
    ca_file: Path | None = None
    verifies_peer: bool = True


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """Addresses, ports and limits of one endpoint.

    ``sip_port`` 0 takes any free port. ``rtp_ports`` None lets the system choose.
    """

    bind_address: str = "127.0.0.1"
    sip_port: int = 0
    public_address: str = ""
    rtp_ports: tuple[int, int] | None = None
    max_calls: int = 60
    codecs: tuple[str, ...] = CODECS
    media_timeout_s: float = 60.0
    session_expires_s: int = 600  # a peer that is gone while on hold is noticed in half of it
    tls: Tls | None = None
    backoff: Backoff = Backoff()  # of registrations that failed
    sip_bind_address: str = ""  # for SIP over UDP and TCP; empty: bind_address
    front: SipFront | None = None  # callers and carriers reach us through it
    logs_messages: bool = False  # SIP messages, at debug, redacted unless PII may be shown

    @property
    def is_any_address(self) -> bool:
        return self.bind_address in ANY_ADDRESS

    @property
    def finds_own_address(self) -> bool:
        """Bound to every address and told of no public one: SDP says the one that is used."""
        return self.is_any_address and not self.public_address


def codec_priorities(wanted: Sequence[str]) -> dict[str, int]:
    """PJSIP codec ids and their priorities; codecs not wanted get 0.

    PCMU is always kept, last if need be: with Opus alone PJSIP knows only telephone-event/48000,
    and a peer with telephone-event/8000 loses its DTMF (seen with baresip).
    """
    unknown = [codec for codec in wanted if codec not in _CODEC_IDS]
    if unknown:
        raise ConfigError(
            f"unknown codec {', '.join(unknown)}: choose from {', '.join(_CODEC_IDS)}"
        )
    priorities = dict.fromkeys(_CODEC_IDS.values(), 0)
    for rank, codec in enumerate(wanted):
        priorities[_CODEC_IDS[codec]] = _TOP_PRIORITY - rank
    pcmu = _CODEC_IDS["PCMU/8000"]
    priorities[pcmu] = priorities[pcmu] or _LAST_PRIORITY
    return priorities


def enabled_codecs(wanted: Sequence[str]) -> tuple[str, ...]:
    """The codecs an offer may be answered with, in our order."""
    return (*wanted, *(("PCMU/8000",) if "PCMU/8000" not in wanted else ()))


def ep_config(config: EndpointConfig, writer: pj.LogWriter | None) -> pj.EpConfig:
    settings = pj.EpConfig()
    settings.logConfig.level = 4 if config.logs_messages else 3
    settings.logConfig.consoleLevel = settings.logConfig.level
    settings.logConfig.msgLogging = 1 if config.logs_messages else 0
    settings.logConfig.decor = 0
    if writer is not None:
        settings.logConfig.writer = writer
    ua = settings.uaConfig
    ua.userAgent = USER_AGENT
    ua.threadCnt = 1
    ua.mainThreadOnly = False
    ua.maxCalls = min(config.max_calls + _REFUSAL_HEADROOM, _PJSUA_MAX_CALLS)
    media = settings.medConfig
    media.clockRate = media.sndClockRate = BRIDGE_RATE_HZ
    media.channelCount = 1
    media.audioFramePtime = media.ptime = PTIME_MS
    media.threadCnt = 1
    media.hasIoqueue = True
    media.quality = 4
    media.noVad = True
    media.ecTailLen = 0
    media.jbMax = JITTER_BUFFER_MAX_MS
    media.sndAutoCloseTime = -1  # the null device is our clock: never close it
    media.maxMediaPorts = 2 * ua.maxCalls + 8
    return settings


def sip_transport(config: EndpointConfig, port: int) -> pj.TransportConfig:
    transport = _transport(config.sip_bind_address or config.bind_address, port)
    if config.public_address and config.front is None:
        transport.publicAddress = config.public_address
    return transport


def _transport(address: str, port: int) -> pj.TransportConfig:
    transport = pj.TransportConfig()
    transport.port = port
    if address not in ANY_ADDRESS:
        transport.boundAddress = address
    return transport


def tls_transport(config: EndpointConfig, port: int) -> pj.TransportConfig:
    """A carrier's certificate is held against the name we call it by (RFC 5922)."""
    transport = _transport(config.bind_address, port)
    if config.public_address:
        transport.publicAddress = config.public_address
    tls, given = transport.tlsConfig, config.tls
    if given is None:
        raise ConfigError("SIP over TLS has not been configured")
    tls.certFile, tls.privKeyFile = str(given.certificate), str(given.key)
    tls.CaListFile = str(given.ca_file or "")
    tls.verifyServer = given.verifies_peer
    tls.proto = pj.PJ_SSL_SOCK_PROTO_TLS1_2 | pj.PJ_SSL_SOCK_PROTO_TLS1_3
    return transport


def account_config(config: EndpointConfig, id_uri: str, srtp: Srtp = Srtp.OFF) -> pj.AccountConfig:
    """What all accounts share: RTP ports and addresses; and whether audio is encrypted."""
    account = pj.AccountConfig()
    account.idUri = id_uri
    # On hold no media tells whether the peer is still there; the refresh does (RFC 4028), also
    # towards peers that know no session timers.
    account.callConfig.timerUse = pj.PJSUA_SIP_TIMER_ALWAYS
    account.callConfig.timerSessExpiresSec = config.session_expires_s
    account.mediaConfig.srtpUse = _SRTP[srtp]
    account.mediaConfig.srtpSecureSignaling = 0  # ``doctor`` tells of keys that travel in clear
    rtp = account.mediaConfig.transportConfig
    if config.rtp_ports:
        first, last = config.rtp_ports
        rtp.port = first + first % 2
        # PJSIP binds RTP up to port + portRange inclusive, and RTCP one above.
        rtp.portRange = max(0, last - 1 - rtp.port)
        # A random start, then rotating: a restarted edge does not hear its predecessor's calls.
        rtp.randomizePort = True
    else:
        rtp.port = 0
    if not config.is_any_address:
        rtp.boundAddress = config.bind_address
    if config.public_address:
        rtp.publicAddress = config.public_address
    return account
