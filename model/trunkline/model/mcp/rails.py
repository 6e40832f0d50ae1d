"""Which networks a session's MCP servers may be in, as the operator writes them."""

from __future__ import annotations

import ipaddress
from typing import Final

from trunkline.domain.errors import ConfigError
from trunkline.runtime.reach import Network

MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024


def read_networks(text: str) -> tuple[Network, ...]:
    """``10.1.0.0/16, 192.168.7.9``; ConfigError names the part that is no network."""
    networks: list[Network] = []
    for part in text.replace(",", " ").split():
        try:
            networks.append(ipaddress.ip_network(part))
        except ValueError as exc:
            raise ConfigError(f"TRUNKLINE_MCP_NETWORKS: {exc}") from None
    return tuple(networks)
