from __future__ import annotations

import pytest

from trunkline.domain.errors import ConfigError
from trunkline.sip.config import (
    CODECS,
    EndpointConfig,
    account_config,
    codec_priorities,
    enabled_codecs,
    ep_config,
    sip_transport,
)


def test_wanted_codecs_rank_in_order_and_others_are_off() -> None:
    ranks = codec_priorities(("opus/48000", "PCMA/8000"))
    assert ranks["opus/48000/2"] > ranks["PCMA/8000/1"] > ranks["PCMU/8000/1"] > 0
    assert ranks["G722/16000/1"] == 0


def test_pcmu_stays_so_that_digits_of_8_khz_peers_are_not_lost() -> None:
    assert codec_priorities(("opus/48000",))["PCMU/8000/1"] == 1
    assert enabled_codecs(("opus/48000",)) == ("opus/48000", "PCMU/8000")
    assert enabled_codecs(CODECS) == CODECS


def test_an_unknown_codec_is_named_with_the_choices() -> None:
    with pytest.raises(ConfigError, match=r"G729.*PCMU/8000"):
        codec_priorities(("G729/8000",))


@pytest.mark.parametrize(
    ("given", "first", "last"), [((20000, 23999), 20000, 23998), ((20001, 20010), 20002, 20009)]
)
def test_rtp_and_rtcp_stay_inside_the_range(given: tuple[int, int], first: int, last: int) -> None:
    rtp = account_config(EndpointConfig(rtp_ports=given), "sip:a@b").mediaConfig.transportConfig
    assert rtp.port == first
    assert rtp.port % 2 == 0
    assert rtp.port + rtp.portRange == last
    assert last + 1 <= given[1]
    assert rtp.randomizePort


def test_the_public_address_stands_in_contact_and_sdp() -> None:
    config = EndpointConfig(bind_address="0.0.0.0", public_address="203.0.113.9")
    transport = sip_transport(config, 5060)
    assert (transport.boundAddress, transport.publicAddress) == ("", "203.0.113.9")
    media = account_config(config, "sip:a@b").mediaConfig.transportConfig
    assert media.publicAddress == "203.0.113.9"


def test_refusals_have_room_above_the_limit_of_calls() -> None:
    assert ep_config(EndpointConfig(max_calls=60), None).uaConfig.maxCalls == 124
    assert ep_config(EndpointConfig(max_calls=600), None).uaConfig.maxCalls == 512
