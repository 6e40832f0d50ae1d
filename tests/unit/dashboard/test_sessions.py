from __future__ import annotations

import pytest
from itsdangerous import TimestampSigner

from trunkline.dashboard.sessions import SESSION_MAX_AGE_S, SessionSigner, safe_next

signer = SessionSigner("a" * 64)


def test_a_session_reads_back_and_keeps_its_nonce_when_renewed() -> None:
    first = signer.read(signer.issue("user_1"))
    assert first is not None and first.user_id == "user_1"
    again = signer.read(signer.issue("user_1", first.nonce))
    assert again is not None and again.nonce == first.nonce


def test_every_login_has_its_own_nonce() -> None:
    one, two = signer.read(signer.issue("user_1")), signer.read(signer.issue("user_1"))
    assert one is not None and two is not None and one.nonce != two.nonce


def test_a_cookie_signed_by_another_house_is_none() -> None:
    assert signer.read(SessionSigner("b" * 64).issue("user_1")) is None


@pytest.mark.parametrize(
    "change", [lambda c: c[:-1], lambda c: "x" + c, lambda c: "", lambda c: c * 40]
)
def test_a_damaged_cookie_is_none(change: object) -> None:
    assert callable(change)
    assert signer.read(change(signer.issue("user_1"))) is None


def test_an_old_session_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    cookie = signer.issue("user_1")
    now = TimestampSigner("x").get_timestamp()
    later = now + SESSION_MAX_AGE_S + 1
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: later)
    assert signer.read(cookie) is None


def test_a_login_cookie_is_no_session() -> None:
    assert signer.read(signer.issue_login()) is None
    assert signer.read_login(signer.issue("user_1")) is None


def test_the_csrf_token_belongs_to_one_session() -> None:
    assert signer.is_csrf_token("nonce", signer.csrf_token("nonce"))
    assert not signer.is_csrf_token("other", signer.csrf_token("nonce"))
    assert not signer.is_csrf_token("nonce", "")
    assert not signer.is_csrf_token("nonce", "ÿ")


@pytest.mark.parametrize(
    "target", ["/", "/calls", "/calls?agent=energy&state=live", "/calls/call_1"]
)
def test_a_path_of_ours_is_where_a_login_leads(target: str) -> None:
    assert safe_next(target) == target


@pytest.mark.parametrize(
    "target",
    ["", "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil", "/a\\b", "/a\nb",
     "javascript:alert(1)", "/login", "/logout", "/" + "a" * 3000],
)  # fmt: skip
def test_anything_else_leads_to_the_start_page(target: str) -> None:
    assert safe_next(target) == "/"
