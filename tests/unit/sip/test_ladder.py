from __future__ import annotations

import pytest

from trunkline.sip.ladder import MAX_STEPS, Ladder, summary
from trunkline.sip.media_faults import MediaEvidence, likely_cause

INVITE = "INVITE sip:+441632960001@h SIP/2.0\r\nCSeq: 1 INVITE\r\nFrom: <sip:555@h>\r\n\r\n"
RINGING = "SIP/2.0 180 Ringing\r\nVia: x\r\nCSeq: 1 INVITE\r\n\r\n"


def test_messages_are_kept_in_order_without_numbers() -> None:
    ladder = Ladder()
    ladder.note(INVITE, "192.0.2.1:5060", is_ours=False)
    ladder.note(RINGING, "192.0.2.1:5060", is_ours=True)
    ladder.note(INVITE, "192.0.2.1:5060", is_ours=False)
    steps = ladder.steps()
    assert [(step.text, step.is_ours) for step in steps] == [
        ("INVITE", False),
        ("180 Ringing (INVITE)", True),
    ]
    assert "555" not in str(steps) and "0001" not in str(steps)


def test_a_flood_keeps_the_beginning_and_the_latest() -> None:
    ladder = Ladder()
    for cseq in range(10_000):
        ladder.note(f"INFO sip:x SIP/2.0\r\nCSeq: {cseq} INFO\r\n\r\n", "h:1", is_ours=False)
    ladder.note("BYE sip:x SIP/2.0\r\n\r\n", "h:1", is_ours=True)
    steps = ladder.steps()
    assert len(steps) == MAX_STEPS + 1
    assert steps[-1].text == "BYE"
    assert "left out" in steps[MAX_STEPS // 2].text


@pytest.mark.parametrize("garbage", ["", "\r\n", "<script>", "sip/2.0 200 OK", "\x00" * 100])
def test_what_is_no_message_is_left_out(garbage: str) -> None:
    assert summary(garbage) == ""


def test_a_status_line_is_bounded_and_one_line() -> None:
    assert len(summary("SIP/2.0 200 " + "a" * 10_000)) <= 80


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (MediaEvidence(0, negotiated="192.0.2.1:4000"), "not one packet came from 192.0.2.1:4000"),
        (MediaEvidence(0, came_from="0.0.0.0:0"), "not one packet"),
        (MediaEvidence(0, before=500), "re-INVITE"),
        (MediaEvidence(400), "stopped"),
        (MediaEvidence(0, strangers=9, came_from="198.51.100.1:9"), "not negotiated (9 of them)"),
        (MediaEvidence(0, misfits=9, came_from="192.0.2.1:4000"), "payload type"),
        (MediaEvidence(0, came_from="192.0.2.1:4000"), "no RTP that can be read"),
        (MediaEvidence(0, came_from="192.0.2.1:4000", is_encrypted=True), "authenticated"),
    ],
)
def test_silence_has_a_likely_cause(seen: MediaEvidence, says: str) -> None:
    assert says in likely_cause(seen)
