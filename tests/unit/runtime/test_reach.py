"""Where we may connect on somebody else's word: the decision, without a network."""

from __future__ import annotations

import pytest

from trunkline.model.mcp.rails import read_networks
from trunkline.runtime.reach import AddressRefused, Reach, split_allowed

INWARD = (
    "127.0.0.1", "127.255.255.254", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1",
    "169.254.169.254", "0.0.0.0", "255.255.255.255", "224.0.0.1", "192.0.0.8", "198.18.0.1",
    "192.88.99.1", "240.0.0.1", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::ffff:0:127.0.0.1", "fe80::1%eth0", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1",
    "2002:7f00:1::", "2001:0:7f00:1::", "64:ff9b::7f00:1", "64:ff9b:1::a9fe:a9fe", "5f00::1",
    "3fff::1", "no address at all",
)  # fmt: skip
OUTWARD = ("93.184.216.34", "8.8.8.8", "2606:2800:220:1::1", "::ffff:93.184.216.34")


@pytest.mark.parametrize("address", INWARD)
def test_what_is_not_the_open_internet_is_refused_however_it_is_wrapped(address: str) -> None:
    with pytest.raises(AddressRefused, match="tools.example"):
        Reach().choose("tools.example", 443, [address])


@pytest.mark.parametrize("address", OUTWARD)
def test_the_open_internet_passes(address: str) -> None:
    assert Reach().choose("tools.example", 443, [address]) == [address]


def test_of_several_addresses_only_those_that_pass_are_dialled() -> None:
    assert Reach().choose("x.example", 80, ["10.0.0.1", "8.8.8.8", "::1"]) == ["8.8.8.8"]


@pytest.mark.parametrize(
    ("allowed", "host", "port", "passes"),
    [
        ("inside.example", "inside.example", 80, True),
        ("inside.example", "INSIDE.example.", 8443, True),
        ("inside.example:8443", "inside.example", 8443, True),
        ("inside.example:8443", "inside.example", 443, False),
        ("https://inside.example/path", "inside.example", 443, True),
        ("https://inside.example", "inside.example", 80, False),
        ("[::1]:80", "::1", 80, True),
        ("inside.example", "evil.inside.example", 80, False),
        ("127.0.0.1", "2130706433", 80, False),
        ("127.0.0.1", "0177.0.0.1", 80, False),
    ],
)
def test_a_host_that_the_operator_named_passes_by_that_name_and_port(
    allowed: str, host: str, port: int, passes: bool
) -> None:
    reach = Reach.of_hosts([allowed])
    if passes:
        assert reach.choose(host, port, ["127.0.0.1"]) == ["127.0.0.1"]
    else:
        with pytest.raises(AddressRefused):
            reach.choose(host, port, ["127.0.0.1"])


@pytest.mark.parametrize("entry", ["", "//", "http://", ":80"])
def test_an_entry_that_names_no_host_is_an_error(entry: str) -> None:
    with pytest.raises(ValueError, match="names no host"):
        split_allowed(entry)


@pytest.mark.parametrize(
    ("address", "client", "networks", "is_admitted"),
    [
        ("93.184.216.34", "", "", True),
        ("127.0.0.1", "127.0.0.1", "", True),
        ("::1", "127.0.0.1", "", True),
        ("127.0.0.1", "203.0.113.7", "", False),
        ("127.0.0.1", "", "", False),
        ("10.0.0.7", "10.0.0.7", "", True),
        ("10.0.0.7", "10.0.0.8", "", False),
        ("10.0.0.7", "", "10.0.0.0/24", True),
        ("169.254.169.254", "169.254.169.254", "169.254.0.0/16", False),
        ("::ffff:127.0.0.1", "203.0.113.7", "", False),
        ("0.0.0.0", "127.0.0.1", "", False),
    ],
)
def test_a_client_reaches_what_is_public_its_own_or_in_a_named_network(
    address: str, client: str, networks: str, is_admitted: bool
) -> None:
    reach = Reach(networks=read_networks(networks), client=client)
    assert reach.admits(address) is is_admitted
