"""The operator's session: a signed cookie that holds no secret, and the CSRF token bound to it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from typing import Final

from itsdangerous import BadSignature, URLSafeTimedSerializer

SESSION_COOKIE: Final = "trunkline_session"
LOGIN_COOKIE: Final = "trunkline_login"
THEME_COOKIE: Final = "trunkline_theme"
ZONE_COOKIE: Final = "trunkline_zone"
SESSION_MAX_AGE_S: Final = 12 * 3600
SESSION_RENEW_S: Final = 3600
LOGIN_MAX_AGE_S: Final = 3600


@dataclass(frozen=True, slots=True)
class OperatorSession:
    """``nonce`` is new at every login; the CSRF token is derived from it. ``version``: the user's
    when it was made; theirs counts up when their sessions are to end."""

    user_id: str
    nonce: str
    version: int
    age_s: float

    @property
    def wants_renewal(self) -> bool:
        return self.age_s > SESSION_RENEW_S


class SessionSigner:
    """Signs and reads the cookies; a changed secret logs everybody out."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._sessions = URLSafeTimedSerializer(secret, salt="trunkline.session")
        self._logins = URLSafeTimedSerializer(secret, salt="trunkline.login")

    def issue(self, user_id: str, nonce: str | None = None, *, version: int = 0) -> str:
        """A cookie value; ``nonce`` is kept when a session is only renewed."""
        return str(self._sessions.dumps([user_id, nonce or secrets.token_urlsafe(18), version]))

    def read(self, cookie: str | None) -> OperatorSession | None:
        """None when it is absent, forged or too old."""
        if not cookie or len(cookie) > 1024:
            return None
        try:
            value, signed_at = self._sessions.loads(
                cookie, max_age=SESSION_MAX_AGE_S, return_timestamp=True
            )
        except BadSignature:
            return None
        match value:
            case [str(user_id), str(nonce), int(version)]:
                age_s = time.time() - signed_at.timestamp()
                return OperatorSession(user_id, nonce, version, age_s)
            case _:
                return None

    def csrf_token(self, nonce: str) -> str:
        return hmac.new(self._secret, b"csrf:" + nonce.encode(), hashlib.sha256).hexdigest()

    def is_csrf_token(self, nonce: str, token: str) -> bool:
        return hmac.compare_digest(self.csrf_token(nonce).encode(), token.encode())

    def issue_login(self) -> str:
        """A cookie for the login form, so that nobody can log a browser in from another site."""
        return str(self._logins.dumps(secrets.token_urlsafe(18)))

    def read_login(self, cookie: str | None) -> str | None:
        """The login form's nonce."""
        if not cookie or len(cookie) > 1024:
            return None
        try:
            nonce = self._logins.loads(cookie, max_age=LOGIN_MAX_AGE_S)
        except BadSignature:
            return None
        return nonce if isinstance(nonce, str) else None


def safe_next(target: str) -> str:
    """Where to go after a login: a path of ours, or the start page."""
    is_ours = (
        target.startswith("/")
        and not target.startswith(("//", "/\\", "/login", "/logout"))
        and "\\" not in target
        and all(character.isprintable() for character in target)
        and len(target) <= 2000
    )
    return target if is_ours else "/"
