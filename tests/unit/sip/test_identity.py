from __future__ import annotations

from dataclasses import replace

import pytest

from trunkline.domain.trunk import Trunk, TrunkAuth
from trunkline.sip.identity import Identity, entries, identity_of
from trunkline.sip.invite import Invite, read_invite

CARRIER = Trunk("carrier", TrunkAuth.SOURCE, is_trusted=True, headers=("x-customer", "x-tier"))


def invite(*headers: str) -> Invite:
    lines = "\n".join(("INVITE sip:100@h SIP/2.0", "From: <sip:555@h>;tag=1", *headers))
    return read_invite(f"{lines}\n\n", "192.0.2.9:5060")


def test_a_trusted_trunk_vouches_for_its_caller() -> None:
    found = identity_of(
        invite('P-Asserted-Identity: "Doe, Jo" <sip:+441632960001@carrier>, <tel:+441632960001>'),
        CARRIER,
    )
    assert found.asserted == "+441632960001"


def test_anyone_else_is_believed_nothing() -> None:
    said = invite(
        "P-Asserted-Identity: <sip:+441632960001@h>",
        "Diversion: <sip:+441632960002@h>",
        "X-Customer: 42",
    )
    assert identity_of(said, replace(CARRIER, is_trusted=False)) == Identity()


@pytest.mark.parametrize("privacy", ["id", "user;id", "header;critical", "ID"])
def test_a_caller_who_withholds_their_number_stays_unknown(privacy: str) -> None:
    said = invite("P-Asserted-Identity: <sip:+441632960001@h>", f"Privacy: {privacy}")
    assert identity_of(said, CARRIER).asserted == ""
    open_one = invite("P-Asserted-Identity: <sip:+441632960001@h>", "Privacy: none")
    assert identity_of(open_one, CARRIER).asserted == "+441632960001"


@pytest.mark.parametrize(
    ("header", "number"),
    [
        ("Diversion: <sip:+4411@h>;reason=no-answer, <sip:+4412@h>;reason=busy", "+4411"),
        ("Diversion: tel:+4413", "+4413"),
        ("History-Info: <sip:+4411@h>;index=1, <sip:+4412@h;cause=302>;index=1.1", "+4411"),
        ("History-Info: <sip:+4411@h>;index=1", ""),
        ("Diversion: ,,,", ""),
        ("Diversion: <<<>", ""),
        ("Subject: nothing", ""),
    ],
)
def test_a_diverted_call_tells_who_was_called_first(header: str, number: str) -> None:
    assert identity_of(invite(header), CARRIER).diverted_from == number


def test_only_chosen_headers_reach_the_flow_and_all_of_them_have_a_value() -> None:
    found = identity_of(invite("x-CUSTOMER: 42\t7", "X-Secret: no"), CARRIER)
    assert dict(found.headers) == {"x_customer": "42 7", "x_tier": ""}


def test_commas_within_quotes_and_brackets_divide_nothing() -> None:
    assert entries('"a, \\", b" <sip:1@h;x=1,2>, <sip:2@h>,') == [
        '"a, \\", b" <sip:1@h;x=1,2>',
        "<sip:2@h>",
    ]
