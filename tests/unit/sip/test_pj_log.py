from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from trunkline.sip.pj_log import PjLine, emit, without_callers


@pytest.mark.parametrize(
    ("line", "clean"),
    [
        ("Call to sip:+441632960001@host", "Call to sip:***@host"),
        ('From: "Jane Doe" <sips:jane@host>', 'From: "***" <sips:***@host>'),
        ("tel:+441632960001;ext=1", "tel:***;ext=1"),
        ("sip:192.0.2.1:5060 is up", "sip:192.0.2.1:5060 is up"),
    ],
)
def test_numbers_and_names_are_left_out(line: str, clean: str) -> None:
    assert without_callers(line) == clean


def test_a_whole_message_goes_under_a_pii_key_at_debug() -> None:
    message = "TX 300 bytes Request msg INVITE to UDP 192.0.2.1:5060:\nINVITE sip:555@h SIP/2.0\n"
    with capture_logs() as logs:
        emit(PjLine(4, message, "pjsua_0"))
    (entry,) = logs
    assert entry["log_level"] == "debug"
    assert "555" in entry["pii_message"]
    assert all("555" not in str(entry[key]) for key in entry if "pii" not in key)


@pytest.mark.parametrize(("level", "ours"), [(1, "warning"), (2, "info"), (3, "debug")])
def test_pjsips_levels_are_brought_down_to_ours(level: int, ours: str) -> None:
    with capture_logs() as logs:
        emit(PjLine(level, "Unable to send", "pjsua_0"))
    assert logs[0]["log_level"] == ours
