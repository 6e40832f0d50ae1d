from __future__ import annotations

import pytest

from trunkline.sip.config import CODECS
from trunkline.sip.sdp import choose_codec, offered_codecs, port_rate_hz, with_address

HEAD = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"


def offer(*lines: str) -> str:
    return HEAD + "".join(f"{line}\r\n" for line in lines)


def test_the_offerers_order_decides() -> None:
    sdp = offer(
        "m=audio 4000 RTP/AVP 96 8 0 101",
        "a=rtpmap:96 opus/48000/2",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:101 telephone-event/8000",
    )
    assert offered_codecs(sdp) == ("opus/48000", "PCMA/8000", "PCMU/8000")
    assert choose_codec(sdp, CODECS) == "opus/48000"
    assert choose_codec(sdp, ("PCMU/8000", "PCMA/8000")) == "PCMA/8000"


def test_static_payloads_need_no_rtpmap() -> None:
    assert offered_codecs(offer("m=audio 4000 RTP/AVP 9 0")) == ("G722/16000", "PCMU/8000")


def test_a_static_number_given_another_meaning_is_believed() -> None:
    sdp = offer("m=audio 4000 RTP/AVP 0", "a=rtpmap:0 iLBC/8000")
    assert offered_codecs(sdp) == ()


def test_codec_names_are_read_without_regard_to_case() -> None:
    sdp = offer("m=audio 4000 RTP/AVP 111", "a=rtpmap:111 OPUS/48000/2")
    assert choose_codec(sdp, CODECS) == "opus/48000"


def test_nothing_in_common_is_an_empty_choice() -> None:
    sdp = offer("m=audio 4000 RTP/AVP 3 18", "a=rtpmap:3 GSM/8000", "a=rtpmap:18 G729/8000")
    assert choose_codec(sdp, CODECS) == ""


def test_a_refused_or_video_line_is_passed_over() -> None:
    sdp = offer(
        "m=video 5000 RTP/AVP 97",
        "a=rtpmap:97 H264/90000",
        "m=audio 0 RTP/AVP 0",
        "m=audio 4000 RTP/AVP 8",
    )
    assert offered_codecs(sdp) == ("PCMA/8000",)


def test_only_the_first_live_audio_line_counts() -> None:
    sdp = offer("m=audio 4000 RTP/AVP 0", "m=audio 4002 RTP/AVP 8")
    assert offered_codecs(sdp) == ("PCMU/8000",)


def test_without_an_offer_our_own_first_codec_is_expected() -> None:
    assert choose_codec("", CODECS) == CODECS[0]


@pytest.mark.parametrize(
    ("codec", "rate"),
    [("PCMU/8000", 8000), ("PCMA/8000", 8000), ("G722/16000", 24000), ("opus/48000", 24000)],
)
def test_g711_is_heard_at_8_khz_and_the_rest_at_24(codec: str, rate: int) -> None:
    assert port_rate_hz(codec) == rate


@pytest.mark.parametrize("junk", ["m=", "m=audio", "a=rtpmap:", "m=audio x RTP/AVP", "=\n==\n"])
def test_junk_is_no_codec_and_no_error(junk: str) -> None:
    assert offered_codecs(junk) == ()


def test_a_session_moves_to_the_address_that_is_used() -> None:
    sdp = offer("m=audio 4000 RTP/AVP 0", "c=IN IP4 192.0.2.1", "a=rtcp:4001 IN IP4 192.0.2.1")
    moved = with_address(sdp, "10.1.2.3")
    assert "192.0.2.1" not in moved
    assert moved == sdp.replace("192.0.2.1", "10.1.2.3")
    assert with_address(sdp, "2001:db8::7").count("IN IP6 2001:db8::7") == 4


def test_a_hold_of_the_old_kind_stays_one() -> None:
    assert "c=IN IP4 0.0.0.0" in with_address(offer("c=IN IP4 0.0.0.0"), "10.1.2.3")
