"""Signed links: ours are read as they were written, and nothing else is read at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.decision_link import (
    BOTH,
    DecisionLink,
    LinkDecision,
    LinkKeys,
    check_time,
    signed_link,
    write_token,
)
from trunkline.domain.errors import CallerError, Conflict

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
KEYS = LinkKeys(2, {1: b"1" * 32, 2: b"2" * 32})
LINK = DecisionLink("lnk_1", "appr_1", "user_1", "h" * 64, BOTH, NOW + timedelta(minutes=5))
TOKEN = write_token(LINK, KEYS)

texts = st.text(alphabet="abcdefghij_0123456789", min_size=1, max_size=64)
links = st.builds(
    DecisionLink,
    texts,
    texts,
    texts,
    texts,
    st.sampled_from([BOTH, (LinkDecision.REFUSE,), (LinkDecision.GRANT,)]),
    st.integers(1, 10**6).map(lambda ms: NOW + timedelta(milliseconds=ms)),
)


def refused(token: str, keys: LinkKeys = KEYS) -> str:
    with pytest.raises(CallerError) as caught:
        signed_link(token, keys)
    return caught.value.code


@given(links)
def test_a_link_is_read_as_it_was_written(link: DecisionLink) -> None:
    token = write_token(link, KEYS)
    assert signed_link(token, KEYS) == link


@given(st.data())
def test_no_bit_of_a_token_can_be_turned(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(TOKEN) - 1))
    bit = data.draw(st.integers(0, 6))
    turned = TOKEN[:place] + chr(ord(TOKEN[place]) ^ (1 << bit)) + TOKEN[place + 1 :]
    assert refused(turned) == "link_invalid"


def test_every_other_spelling_of_the_last_character_is_refused() -> None:
    """Base64 has bits to spare there, and a decoder that does not care."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_="
    for other in alphabet.replace(TOKEN[-1], ""):
        assert refused(TOKEN[:-1] + other) == "link_invalid"
    for other in (TOKEN + "=", TOKEN + "A", TOKEN[:-1], TOKEN + "\n", " " + TOKEN, "", "lk_"):
        assert refused(other) == "link_invalid"


@given(st.text(max_size=200))
def test_what_we_did_not_sign_is_one_and_the_same_error(text: str) -> None:
    assert refused(text) == refused("lk_" + text) == "link_invalid"


def test_a_link_ends_at_its_time_and_not_a_moment_later() -> None:
    check_time(LINK, LINK.expires_at - timedelta(milliseconds=1))
    with pytest.raises(Conflict, match="has passed"):
        check_time(LINK, LINK.expires_at)


def test_a_link_of_the_key_before_counts_until_that_key_is_forgotten() -> None:
    old = write_token(LINK, LinkKeys(1, {1: b"1" * 32}))
    assert signed_link(old, KEYS) == LINK
    assert refused(old, LinkKeys(3, {2: b"2" * 32, 3: b"3" * 32})) == "link_invalid"
    # Nor does a known key sign for another's number.
    assert refused(write_token(LINK, LinkKeys(1, {1: b"2" * 32}))) == "link_invalid"


def test_each_bound_thing_is_in_the_signature() -> None:
    for other in (
        replace(LINK, approval_id="appr_2"),
        replace(LINK, user_id="user_2"),
        replace(LINK, arguments_hash="g" * 64),
        replace(LINK, decisions=(LinkDecision.REFUSE,)),
        replace(LINK, expires_at=LINK.expires_at + timedelta(days=1)),
        replace(LINK, link_id="lnk_2"),
    ):
        assert write_token(other, KEYS)[3:46] != TOKEN[3:46]
