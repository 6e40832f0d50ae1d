from __future__ import annotations

import pytest

from trunkline.sip.accounts import transport_of


@pytest.mark.parametrize(
    ("uri", "transport"),
    [
        ("", "udp"),
        ("sip:h", "udp"),
        ("sip:h:5061;lr;transport=TLS", "tls"),
        ("sip:a@h;transport=tcp;user=phone", "tcp"),
        ("sips:h", "tls"),
        ("sip:h;transport=sctp", "udp"),
    ],
)
def test_a_uri_says_by_which_transport_it_is_reached(uri: str, transport: str) -> None:
    assert transport_of(uri) == transport
