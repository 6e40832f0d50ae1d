"""The front's configuration and the ports of several edges, from settings alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from trunkline.cli.edge_slots import edge_environment, edge_slots, front_environment
from trunkline.cli.front.config import dispatcher_list, kamailio_config
from trunkline.cli.front.plan import front_plan, local_addresses
from trunkline.cli.up import process_specs
from trunkline.domain.errors import ConfigError
from trunkline.runtime.settings import Settings

EDGES = ("edge-1=10.0.0.11:5060", "edge-2=10.0.0.12:5060")


def settings(**given: Any) -> Settings:
    asked = {"bind_address": "10.0.0.10", "front_inner": "10.0.0.10:5070", "front_edges": EDGES}
    return Settings(**{**asked, **given})


def config(**given: Any) -> str:
    return kamailio_config(front_plan(settings(**given)), Path("/var/lib/front"))


def test_every_placeholder_is_filled_and_edges_are_named() -> None:
    text = config()
    assert not re.search(r"@[A-Z_]+@", text)
    assert (
        'if ($(ru{uri.param,edge}) == "edge-2") { $du = "sip:10.0.0.12:5060"; return 1; }' in text
    )
    assert 'if ($si != "10.0.0.11" && $si != "10.0.0.12") exit;' in text
    assert dispatcher_list(front_plan(settings())).splitlines()[1:] == [
        "1 sip:10.0.0.11:5060 9 0 duid=edge-1",
        "1 sip:10.0.0.12:5060 9 0 duid=edge-2",
    ]


def test_behind_nat_messages_give_the_public_address() -> None:
    text = config(public_address="203.0.113.7")
    assert "listen=udp:10.0.0.10:5060 advertise 203.0.113.7:5060\n" in text
    assert "listen=udp:10.0.0.10:5070\n" in text


def test_bound_to_every_address_it_listens_on_each() -> None:
    text = config(bind_address="0.0.0.0")
    for host in local_addresses():
        assert f"listen=tcp:{host}:5060\n" in text
    assert "0.0.0.0" not in text


def test_tls_is_taken_where_a_certificate_is_given(tmp_path: Path) -> None:
    (tmp_path / "sip.pem").touch()
    files = {"sip_tls_cert": tmp_path / "sip.pem", "sip_tls_key": tmp_path / "sip.pem"}
    text = config(sip_tls_port=5061, **files)
    assert "listen=tls:10.0.0.10:5061\n" in text
    assert 'loadmodule "tls.so"' in text
    assert "tls" not in re.findall(r"^listen=(\w+)", config(), re.M)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"front_edges": ()}, "TRUNKLINE_FRONT_EDGES"),
        ({"front_edges": ("10.0.0.11:5060",)}, "NAME=HOST:PORT"),
        ({"front_edges": ('a"b=10.0.0.11:5060',)}, "NAME=HOST:PORT"),
        ({"front_edges": ("a=10.0.0.11:5060", "a=10.0.0.12:5060")}, "name a is given twice"),
        ({"front_edges": ("a=10.0.0.11:5060", "b=10.0.0.11:5060")}, "given twice"),
        ({"front_edges": ("a=10.0.0.11",)}, "no HOST:PORT"),
        ({"front_edges": ("a=10.0.0.11:70000",)}, "no HOST:PORT"),
        ({"front_inner": ""}, "TRUNKLINE_FRONT_INNER"),
        ({"front_inner": "10.0.0.10:5060"}, "a port each"),
        ({"bind_address": "::1"}, "TRUNKLINE_BIND_ADDRESS"),
        ({"sip_tls_port": 5061}, "TRUNKLINE_SIP_TLS_CERT"),
    ],
)
def test_what_is_wrong_is_named(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        config(**wrong)


def test_one_edge_is_as_it_always_was() -> None:
    alone = Settings(web_port=8080)
    (slot,) = edge_slots(alone)
    assert (slot.name, slot.sip_port, slot.health_port) == ("sip", 5060, 8081)
    assert edge_environment(alone, slot) == {}
    _, others = process_specs(alone, {})
    assert [spec.name for spec in others][-1] == "sip"
    assert "front" not in {spec.name for spec in others}


def test_several_edges_share_nothing_but_the_front() -> None:
    given = Settings(edges=3, bind_address="192.0.2.2", max_calls=100, sip_tls_port=5061)
    slots = edge_slots(given)
    ports = [port for slot in slots for port in (slot.sip_port, slot.health_port, slot.tls_port)]
    assert len(set(ports)) == len(ports) == 9
    assert [slot.max_calls for slot in slots] == [34, 34, 34]
    spans = [slot.rtp_ports for slot in slots]
    assert spans == [(20000, 21331), (21332, 22663), (22664, 23995)]
    told = edge_environment(given, slots[1])
    assert told["TRUNKLINE_EDGE_NAME"] == "edge-2"
    assert told["TRUNKLINE_SIP_BIND_ADDRESS"] == "127.0.0.1"
    assert told["TRUNKLINE_FRONT_ADDRESS"] == "192.0.2.2:5060"
    assert front_environment(given)["TRUNKLINE_FRONT_EDGES"].count("=127.0.0.1:") == 3
    _, others = process_specs(given, {})
    assert [spec.name for spec in others][-4:] == ["front", "edge-1", "edge-2", "edge-3"]


def test_edges_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="TRUNKLINE_RTP_PORTS"):
        edge_slots(Settings(edges=4, rtp_ports=(20000, 20099), max_calls=60))
    with pytest.raises(ConfigError, match="TRUNKLINE_EDGE_PORTS"):
        edge_slots(Settings(edges=2, edge_ports=65530))
