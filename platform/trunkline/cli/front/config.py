"""Kamailio's configuration and list of edges for a front, as texts."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Final

from trunkline.cli.front.plan import FrontPlan
from trunkline.domain.errors import ConfigError
from trunkline.sip.front import SOURCE_HEADER

CONFIG_FILE: Final = "kamailio.cfg"
LIST_FILE: Final = "edges.list"
# Worker processes a UDP socket. A message takes one about 0.1 ms.
_CHILDREN: Final = 2
_NOTICE, _CRITICAL = 1, -2  # Kamailio's log levels
_PLACEHOLDER: Final = re.compile(r"@([A-Z_]+)@")


def kamailio_config(plan: FrontPlan, folder: Path) -> str:
    """For a front whose files lie in ``folder``."""
    has_several = len(plan.hosts) > 1 or plan.hosts[0] != plan.inner.host
    # Kamailio answers from where it was asked; with one address it does not look for another.
    outward = f"  force_send_socket(udp:{plan.hosts[0]}:{plan.port});"
    values = {
        "DEBUG": str(_NOTICE if plan.logs_texts else _CRITICAL),
        "CHILDREN": str(_CHILDREN),
        "MULTIHOMED": "1" if has_several else "0",
        "OUTWARD": "  # By the address that leads there: mhomed." if has_several else outward,
        "LISTEN": "\n".join(_listening(plan)),
        "TLS": "\n".join(_tls(plan)),
        "LIST": quoted(folder / LIST_FILE),
        "INNER": str(plan.inner),
        "INNER_HOST": plan.inner.host,
        "INNER_PORT": str(plan.inner.port),
        "IS_NO_EDGE": " && ".join(
            f'$si != "{host}"' for host in dict.fromkeys(edge.address.host for edge in plan.edges)
        ),
        "SOURCE": SOURCE_HEADER,
        "EDGE_OF_DIALOG": "\n".join(
            f'  if ($(ru{{uri.param,edge}}) == "{edge.name}")'
            f' {{ $du = "sip:{edge.address}"; return 1; }}'
            for edge in plan.edges
        ),
    }
    template = resources.files(__package__).joinpath("kamailio.cfg.in").read_text()
    return _PLACEHOLDER.sub(lambda found: values[found[1]], template)


def _listening(plan: FrontPlan) -> list[str]:
    wanted = [(kind, plan.port) for kind in ("udp", "tcp")]
    if plan.tls is not None:
        wanted.append(("tls", plan.tls.port))
    lines = []
    for host in plan.hosts:
        # Behind NAT callers are told the public address, whoever is on this machine is not.
        told = plan.advertised if plan.advertised and not host.startswith("127.") else ""
        for kind, port in wanted:
            advertised = f" advertise {told}:{port}" if told and told != host else ""
            lines.append(f"listen={kind}:{host}:{port}{advertised}")
    return [*lines, f"listen=udp:{plan.inner}", f"listen=tcp:{plan.inner}"]


def _tls(plan: FrontPlan) -> list[str]:
    """Inbound only. Who connects shows no certificate: trunks are known by their addresses."""
    if plan.tls is None:
        return []
    return [
        "enable_tls=yes",
        'loadmodule "tls.so"',
        'modparam("tls", "tls_method", "TLSv1.2+")',
        f'modparam("tls", "certificate", "{quoted(plan.tls.certificate)}")',
        f'modparam("tls", "private_key", "{quoted(plan.tls.key)}")',
        'modparam("tls", "verify_certificate", 0)',
        'modparam("tls", "require_certificate", 0)',
    ]


def quoted(path: Path) -> str:
    """A path that may stand between Kamailio's quotes."""
    text = str(path)
    if re.search(r'["\\\n\r]', text):
        raise ConfigError(f"Kamailio cannot read a file of this name: {text!r}")
    return text


def dispatcher_list(plan: FrontPlan) -> str:
    """Flags 9: an edge gets no call before it has answered OPTIONS (dispatcher, 6.1.2)."""
    lines = [f"1 sip:{edge.address} 9 0 duid={edge.name}" for edge in plan.edges]
    return "\n".join(["# set, edge, flags, priority, attributes", *lines, ""])
