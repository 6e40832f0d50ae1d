"""One hosted port's way to its far end: deadlines, retries before the first byte, a breaker.

Nothing an answer's body says reaches a log or a client: far ends repeat keys and words in errors.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx2
from pydantic import SecretStr

from trunkline.domain.errors import EngineBusy, EngineError, EngineProtocolError, EngineTimeout
from trunkline.model.cascade.hosted.breaker import Breaker
from trunkline.runtime.engine_settings import HostedPortSettings
from trunkline.runtime.guarded_http import GuardedTransport, guarded_client
from trunkline.runtime.logging import get_logger
from trunkline.runtime.reach import Reach
from trunkline.runtime.telemetry import (
    HOSTED_BREAKER_OPEN,
    HOSTED_FIRST_BYTE_SECONDS,
    HOSTED_REQUESTS,
)

log = get_logger(__name__)

BREAKER_OPEN: Final = "hosted_resting"
_MAX_ANSWER_BYTES: Final = 32 * 1024 * 1024  # ten minutes of PCM at 24 kHz
_FIRST_PAUSE_S: Final = 0.15
_LONGEST_PAUSE_S: Final = 1.0  # a caller waits
_TRANSIENT: Final = frozenset({408, 425, 429, 500, 502, 503, 504, 529})


@dataclass(frozen=True, slots=True)
class Body:
    """``fields`` and ``file`` of a form, or ``document`` as JSON."""

    document: Mapping[str, Any] | None = None
    fields: Mapping[str, Any] | None = None
    file: tuple[str, bytes, str] | None = None


class HostedStream:
    """An answer as it comes; each wait for more of it has its deadline."""

    def __init__(self, response: httpx2.Response, settings: HostedPortSettings) -> None:
        self.content_type = response.headers.get("content-type", "").partition(";")[0].strip()
        self.is_complete = False
        self._settings = settings
        self._waited_s = 0.0
        self._chunks = response.aiter_bytes()
        self._first: bytes | None = None

    async def begin(self) -> None:
        """Waits for the first byte, which may be a long time after the headers; the caller bounds
        it."""
        self._first = await self._next(self._settings.total_timeout_s)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunk, self._first = self._first, None
        while chunk is not None:
            yield chunk
            chunk = await self._next(self._settings.chunk_timeout_s)
        self.is_complete = True

    async def whole(self, most_bytes: int = 1024 * 1024) -> bytes:
        read = bytearray()
        async for chunk in self:
            read += chunk
            if len(read) > most_bytes:
                raise EngineProtocolError("the far end's answer is too big")
        return bytes(read)

    async def _next(self, timeout_s: float) -> bytes | None:
        clock = asyncio.get_running_loop().time
        left_s = self._settings.total_timeout_s - self._waited_s
        began_s = clock()
        try:
            async with asyncio.timeout(min(timeout_s, max(left_s, 0.0))):
                while (chunk := await anext(self._chunks, None)) == b"":
                    pass
                return chunk
        except TimeoutError:
            raise EngineTimeout("the far end stopped in the middle", code="hosted_slow") from None
        except httpx2.HTTPError as exc:
            raise EngineError(
                f"the far end broke off ({type(exc).__name__})", code="hosted_cut"
            ) from None
        finally:
            self._waited_s += clock() - began_s


class HostedEndpoint:
    """``port`` names it in metrics: transcription, chat or speech."""

    def __init__(
        self,
        port: str,
        path: str,
        settings: HostedPortSettings,
        key: SecretStr,
    ) -> None:
        self.port = port
        self.settings = settings
        self._url = settings.base_url + path
        self._breaker = Breaker(settings.breaker_failures, settings.breaker_open_s)
        headers = {"User-Agent": "trunkline", **settings.headers}
        if key.get_secret_value():
            headers["Authorization"] = f"Bearer {key.get_secret_value()}"
        # The operator named the host: it passes wherever it is, and no other does.
        reach = Reach.of_hosts((settings.base_url,))
        self._client = guarded_client(
            GuardedTransport(reach, limit_bytes=_MAX_ANSWER_BYTES),
            headers.items(),
            # Our own deadlines bound the rest.
            httpx2.Timeout(None, connect=settings.connect_timeout_s),
        )

    @property
    def is_resting(self) -> bool:
        """The breaker is open and its time is not up: an attempt would be refused at once."""
        return not self._breaker.would_admit(asyncio.get_running_loop().time())

    @asynccontextmanager
    async def answer(
        self, body: Callable[[], Body], *, accepts: tuple[str, ...]
    ) -> AsyncIterator[HostedStream]:
        """The far end's answer from its first byte on; leaving the block closes the request.

        ``accepts``: beginnings of content types. Raises EngineError; after the first byte nothing
        is tried again.
        """
        response, stream = await self._first_byte(body, accepts)
        clock = asyncio.get_running_loop().time
        try:
            yield stream
        except EngineError as exc:
            self._failed(clock(), exc)
            raise
        except BaseException:  # cancelled, or the reader's own bug: not the far end's fault
            self._ended("abandoned")
            self._breaker.abandoned()
            raise
        else:
            if stream.is_complete:
                self._ended("ok")
                self._breaker.succeeded()
                HOSTED_BREAKER_OPEN.labels(port=self.port).set(0)
            else:
                self._ended("abandoned")
                self._breaker.abandoned()
        finally:
            await response.aclose()

    async def aclose(self) -> None:
        await self._client.aclose()

    # ---- inside --------------------------------------------------------------------------------

    async def _first_byte(
        self, body: Callable[[], Body], accepts: tuple[str, ...]
    ) -> tuple[httpx2.Response, HostedStream]:
        """Every try together has ``first_byte_timeout_s``: a caller waits for all of them."""
        clock = asyncio.get_running_loop().time
        ends_s = clock() + self.settings.first_byte_timeout_s
        pause_s = _FIRST_PAUSE_S
        for tries_left in range(self.settings.retries, -1, -1):
            began_s = clock()
            if not self._breaker.admit(began_s):
                self._ended("resting")
                raise EngineError(f"the hosted {self.port} is left alone", code=BREAKER_OPEN)
            try:
                opened = await self._attempt(body(), accepts, ends_s - began_s)
            except EngineError as exc:
                rest_s = exc.retry_after_s if isinstance(exc, _Refused) else 0.0
                self._failed(clock(), exc, rest_s=rest_s if rest_s > _LONGEST_PAUSE_S else 0.0)
                wait_s = max(rest_s, pause_s * random.uniform(0.5, 1.0))
                if not (tries_left and exc.retryable) or clock() + wait_s >= ends_s:
                    raise
                await asyncio.sleep(wait_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            except BaseException:  # cancelled: the caller spoke, or the session ended
                self._breaker.abandoned()
                self._ended("abandoned")
                raise
            else:
                HOSTED_FIRST_BYTE_SECONDS.labels(port=self.port).observe(clock() - began_s)
                return opened
        raise AssertionError("the last try returns or raises")

    async def _attempt(
        self, body: Body, accepts: tuple[str, ...], left_s: float
    ) -> tuple[httpx2.Response, HostedStream]:
        files = {"file": body.file} if body.file is not None else None
        request = self._client.build_request(
            "POST", self._url, json=body.document, data=body.fields, files=files
        )
        response: httpx2.Response | None = None
        try:
            async with asyncio.timeout(max(left_s, 0.0)):
                response = await self._client.send(request, stream=True)
                if response.status_code != 200:
                    raise _refusal(response)
                stream = HostedStream(response, self.settings)
                if not stream.content_type.startswith(accepts):
                    raise EngineProtocolError(
                        f"the far end answered with {stream.content_type[:64] or 'no type'}",
                        code="hosted_malformed",
                    )
                await stream.begin()
                return response, stream
        except BaseException as exc:  # also when cancelled: an answer nobody reads is closed
            if response is not None:
                await response.aclose()
            if isinstance(exc, TimeoutError):
                raise EngineTimeout("the far end does not answer", code="hosted_silent") from None
            if isinstance(exc, httpx2.HTTPError):
                raise EngineError(
                    f"the far end cannot be reached ({type(exc).__name__})",
                    code="hosted_unreachable",
                ) from None
            raise

    def _failed(self, now_s: float, exc: EngineError, *, rest_s: float = 0.0) -> None:
        self._ended(exc.code)
        if isinstance(exc, _Refused) and exc.is_about_request:
            self._breaker.succeeded()  # it is up; what we asked was wrong
            return
        self._breaker.failed(now_s, rest_s=rest_s)
        HOSTED_BREAKER_OPEN.labels(port=self.port).set(int(self._breaker.is_open))
        log.warning(
            "a hosted port failed",
            port=self.port,
            code=exc.code,
            reason=exc.message,
            is_resting=self._breaker.is_open,
        )

    def _ended(self, outcome: str) -> None:
        HOSTED_REQUESTS.labels(port=self.port, outcome=outcome).inc()


class _Refused(EngineBusy):
    """A status that is not 200. ``is_about_request``: another request might well succeed."""

    def __init__(self, message: str, *, code: str, status: int, retry_after_s: float) -> None:
        super().__init__(message, code=code, retryable=status in _TRANSIENT)
        self.retry_after_s = retry_after_s
        self.is_about_request = status in (400, 404, 413, 415, 422)


def _refusal(response: httpx2.Response) -> EngineError:
    status = response.status_code
    if status in (401, 403):
        code = "hosted_unauthorized"
    elif status == 429:
        code = "hosted_busy"
    else:
        code = "hosted_failed" if status >= 500 else "hosted_refused"
    return _Refused(
        f"the far end answered with HTTP {status}",
        code=code,
        status=status,
        retry_after_s=_seconds(response.headers.get("retry-after", "")),
    )


def _seconds(text: str) -> float:
    """``Retry-After`` as a number, 0 to 300; a date is as good as none."""
    return min(float(text), 300.0) if text.isascii() and text.isdigit() else 0.0
