"""Errors that say who is answerable and carry a stable code.

TrunklineError(code, message)
├── CallerError      the request is wrong (4xx)
│   ├── NotFound, Conflict, Forbidden, Unauthorized, Invalid, TooMany
├── TrunkError       the carrier refused or vanished (sip_status kept)
├── EngineError      the model or provider failed (retryable says whether another try may help)
│   ├── EngineBusy, EngineTimeout, EngineProtocolError
├── ProtocolError    a peer broke the Realtime protocol or SIP
└── ConfigError      the operator must fix something; shown by ``trunkline doctor``
"""

from __future__ import annotations


class TrunklineError(Exception):
    """Anything we raise on purpose; ``code`` is stable, ``message`` names what to fix."""

    default_code = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code


class CallerError(TrunklineError):
    default_code = "bad_request"


class NotFound(CallerError):
    default_code = "not_found"


class Conflict(CallerError):
    default_code = "conflict"


class Unauthorized(CallerError):
    default_code = "unauthorized"


class Forbidden(CallerError):
    default_code = "forbidden"


class Invalid(CallerError):
    """A value is wrong; ``param`` is its dotted path when there is one."""

    default_code = "invalid"

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message, code=code)
        self.param = param


class TooMany(CallerError):
    """A limit was hit; try again after ``retry_after_s`` seconds."""

    default_code = "too_many_requests"

    def __init__(self, message: str, *, retry_after_s: int, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class TrunkError(TrunklineError):
    default_code = "trunk_error"

    def __init__(self, message: str, *, sip_status: int | None = None) -> None:
        super().__init__(message)
        self.sip_status = sip_status


class EngineError(TrunklineError):
    default_code = "engine_error"

    def __init__(self, message: str, *, code: str | None = None, retryable: bool = True) -> None:
        super().__init__(message, code=code)
        self.retryable = retryable


class EngineBusy(EngineError):
    default_code = "engine_busy"


class EngineTimeout(EngineError):
    default_code = "engine_timeout"


class EngineProtocolError(EngineError):
    default_code = "engine_protocol_error"


class ProtocolError(TrunklineError):
    """The peer sent something the protocol does not allow; ``event_id`` echoes its event."""

    default_code = "invalid_request_error"

    def __init__(
        self,
        message: str,
        *,
        code: str,
        param: str | None = None,
        event_id: str | None = None,
    ) -> None:
        super().__init__(message, code=code)
        self.param = param
        self.event_id = event_id


class ConfigError(TrunklineError):
    default_code = "config_error"
