"""The SIP processes of ``trunkline up``: each with its ports, its share of calls and its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trunkline.cli.front.plan import ANY_HOST
from trunkline.domain.errors import ConfigError
from trunkline.runtime.settings import Settings

LOOPBACK: Final = "127.0.0.1"
_PORTS_AN_EDGE: Final = 3


@dataclass(frozen=True, slots=True)
class EdgeSlot:
    """One edge; ``sip_port`` is on loopback, where the front reaches it. Ports are inclusive."""

    name: str
    sip_port: int
    health_port: int
    tls_port: int
    rtp_ports: tuple[int, int]
    max_calls: int

    @property
    def health_url(self) -> str:
        return f"http://{LOOPBACK}:{self.health_port}"


def first_edge_port(settings: Settings) -> int:
    return settings.edge_ports or settings.sip_port + 10


def front_inner(settings: Settings) -> str:
    """Where the front of this machine's edges speaks with them."""
    return f"{LOOPBACK}:{first_edge_port(settings)}"


def edge_slots(settings: Settings) -> tuple[EdgeSlot, ...]:
    """Of ``settings.edges`` edges; one alone has the settings' own ports and no front.

    RTP ports and ``max_calls`` are divided: both are the installation's.
    """
    count = settings.edges
    if count == 1:
        alone = EdgeSlot(
            "sip",
            settings.sip_port,
            settings.resolved_sip_health_port,
            settings.sip_tls_port,
            settings.rtp_ports,
            settings.max_calls,
        )
        return (alone,)
    base = first_edge_port(settings)
    if not 0 < base <= 65535 - _PORTS_AN_EDGE * count:
        raise ConfigError(f"TRUNKLINE_EDGE_PORTS: {count} edges do not fit above port {base}")
    first, last = settings.rtp_ports
    width = (last - first + 1) // count // 2 * 2
    calls = -(-settings.max_calls // count)
    if width < 2 * calls:
        raise ConfigError(
            f"TRUNKLINE_RTP_PORTS {first}-{last} divided among {count} edges leave {width} ports"
            f" for {calls} calls each: two a call are needed"
        )
    slots = []
    for index in range(count):
        port = base + 1 + _PORTS_AN_EDGE * index
        rtp = first + width * index
        slots.append(
            EdgeSlot(
                name=f"edge-{index + 1}",
                sip_port=port,
                health_port=port + 1,
                tls_port=port + 2 if settings.sip_tls_port else 0,
                rtp_ports=(rtp, rtp + width - 1),
                max_calls=calls,
            )
        )
    return tuple(slots)


def edge_environment(settings: Settings, slot: EdgeSlot) -> dict[str, str]:
    """What tells the process of a slot from the others'; nothing for one that is alone."""
    if settings.edges == 1:
        return {}
    return {
        "TRUNKLINE_EDGE_NAME": slot.name,
        "TRUNKLINE_SIP_PORT": str(slot.sip_port),
        "TRUNKLINE_SIP_BIND_ADDRESS": LOOPBACK,
        "TRUNKLINE_SIP_HEALTH_PORT": str(slot.health_port),
        "TRUNKLINE_SIP_TLS_PORT": str(slot.tls_port),
        "TRUNKLINE_RTP_PORTS": f"{slot.rtp_ports[0]}-{slot.rtp_ports[1]}",
        "TRUNKLINE_MAX_CALLS": str(slot.max_calls),
        "TRUNKLINE_FRONT_INNER": front_inner(settings),
        "TRUNKLINE_FRONT_ADDRESS": front_address(settings),
        "TRUNKLINE_FRONT_TLS_PORT": str(settings.sip_tls_port),
    }


def front_environment(settings: Settings) -> dict[str, str]:
    return {
        "TRUNKLINE_FRONT_INNER": front_inner(settings),
        "TRUNKLINE_FRONT_EDGES": ",".join(
            f"{slot.name}={LOOPBACK}:{slot.sip_port}" for slot in edge_slots(settings)
        ),
    }


def front_address(settings: Settings) -> str:
    """``HOST:PORT`` that edges give as theirs; ``:PORT``: they find this machine's address."""
    if settings.front_address:
        return settings.front_address
    bound = "" if settings.bind_address in ANY_HOST else settings.bind_address
    return f"{settings.public_address or bound}:{settings.sip_port}"
