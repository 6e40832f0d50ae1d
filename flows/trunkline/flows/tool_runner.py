"""Runs HTTP tools: arguments checked first, every wait bounded, every failure a typed error."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpcore
import httpx
import orjson
from jsonschema import Draft202012Validator

from trunkline.domain.events import Json, ToolOutcome
from trunkline.flows.network import AddressRefused, GuardedTransport, Resolver, resolve
from trunkline.flows.prompts import Expression, PromptError
from trunkline.flows.tools import (
    SECRETS,
    HttpTransport,
    ToolError,
    ToolFailed,
    ToolRunResult,
    ToolSpec,
    ToolSucceeded,
)

SECRET_PREFIX: Final = "TRUNKLINE_SECRET_"
_MAX_REDIRECTS: Final = 3
_RETRYABLE_STATUS: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a run knows of its call; ``variables`` are the flow's, for constants in templates."""

    call_id: str
    idempotency_key: str
    variables: Mapping[str, Json] = field(default_factory=dict)


class _Failed(Exception):
    def __init__(self, error: ToolError, outcome: ToolOutcome = ToolOutcome.FAILED) -> None:
        super().__init__(error.code)
        self.error = error
        self.outcome = outcome


def secrets_from(environment: Mapping[str, str]) -> dict[str, str]:
    """``TRUNKLINE_SECRET_ENERGY_KEY`` is ``secrets.energy_key`` in header templates."""
    return {
        name.removeprefix(SECRET_PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(SECRET_PREFIX)
    }


class ToolRunner:
    """Runs tools of many calls at once; one connection pool per set of allowed hosts."""

    def __init__(
        self, *, secrets: Mapping[str, str] | None = None, resolver: Resolver = resolve
    ) -> None:
        self._secrets = dict(secrets or {})
        self._resolver = resolver
        self._clients: dict[tuple[str, ...], httpx.AsyncClient] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.aclose()

    async def run(
        self, tool: ToolSpec, arguments: Mapping[str, Json], context: ToolContext
    ) -> ToolRunResult:
        """One run with its retries; never raises for anything a service can do."""
        started, attempts = time.monotonic(), 0
        try:
            _check_arguments(tool, arguments)
            while True:
                attempts += 1
                try:
                    result = await self._attempt(tool, arguments, context)
                except _Failed as failed:
                    if not (failed.error.is_retryable and tool.may_retry):
                        raise
                    if attempts >= tool.retry.attempts:
                        raise
                    await asyncio.sleep(tool.retry.backoff_ms / 1000 * 2 ** (attempts - 1))
                else:
                    return ToolSucceeded(result, _ms_since(started), attempts)
        except _Failed as failed:
            return ToolFailed(failed.outcome, failed.error, _ms_since(started), attempts)

    async def _attempt(
        self, tool: ToolSpec, arguments: Mapping[str, Json], context: ToolContext
    ) -> Json:
        transport = tool.transport
        try:
            request = self._request(tool, arguments, context)
        except (PromptError, ValueError, httpx.InvalidURL) as exc:
            raise _Failed(ToolError("bad_template", f"cannot make the request: {exc}")) from None
        try:
            async with asyncio.timeout(tool.timeout_ms / 1000):
                status, body = await self._exchange(transport, request)
        except TimeoutError:
            message = f"no answer within {tool.timeout_ms} ms"
            error = ToolError("timed_out", message, is_retryable=True)
            raise _Failed(error, ToolOutcome.TIMED_OUT) from None
        except AddressRefused as exc:
            raise _Failed(ToolError("address_refused", str(exc))) from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as exc:
            error = ToolError("unreachable", type(exc).__name__, is_retryable=True)
            raise _Failed(error) from None
        return _result(tool, status, body)

    def _request(
        self, tool: ToolSpec, arguments: Mapping[str, Json], context: ToolContext
    ) -> httpx.Request:
        transport = tool.transport
        plain = {**context.variables, **arguments}
        for name in arguments:
            if name == SECRETS:
                raise ValueError(f"no argument may be called {SECRETS}")
        in_url = {**context.variables, **{name: _in_url(v) for name, v in arguments.items()}}
        with_secrets = {**plain, SECRETS: self._secrets}
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",  # so that the size limit is on what we really read
            "User-Agent": "trunkline",
            **{name: text.render(with_secrets) for name, text in transport.headers.items()},
        }
        if tool.sends_key:
            headers["Idempotency-Key"] = context.idempotency_key
        content: bytes | None = None
        if transport.body is not None:
            headers.setdefault("Content-Type", "application/json")
            content = orjson.dumps(
                {
                    name: part.evaluate(plain)
                    if isinstance(part, Expression)
                    else part.render(plain)
                    for name, part in transport.body.items()
                }
            )
        query = {name: text.render(plain) for name, text in transport.query.items()}
        return httpx.Request(
            transport.method,
            transport.url.render(in_url),
            params=query or None,
            headers=headers,
            content=content,
        )

    async def _exchange(
        self, transport: HttpTransport, request: httpx.Request
    ) -> tuple[int, bytes]:
        client = self._client(transport.allowed_hosts)
        for _ in range(_MAX_REDIRECTS + 1):
            response = await client.send(request, stream=True)
            try:
                if not response.is_redirect:
                    return response.status_code, await _read(response, transport)
            finally:
                await response.aclose()
            request = _redirected(request, response)
        raise _Failed(ToolError("redirect_refused", "redirected too often"))

    def _client(self, allowed: Sequence[str]) -> httpx.AsyncClient:
        key = tuple(sorted(allowed))
        client = self._clients.get(key)
        if client is None:
            client = httpx.AsyncClient(
                transport=GuardedTransport(key, self._resolver),
                timeout=None,  # the attempt as a whole has a deadline
                trust_env=False,
                follow_redirects=False,
            )
            self._clients[key] = client
        return client


def _ms_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def _check_arguments(tool: ToolSpec, arguments: Mapping[str, Json]) -> None:
    """Raises _Failed for the first mistake; the message never repeats a value."""
    problem = _first_problem(tool.parameters, dict(arguments))
    if problem is not None:
        error = ToolError("invalid_arguments", problem)
        raise _Failed(error, ToolOutcome.INVALID)


def _first_problem(schema: Mapping[str, Json], value: Json) -> str | None:
    try:
        error = next(Draft202012Validator(dict(schema)).iter_errors(value), None)
    except RecursionError:
        return "nested too deeply"
    if error is None:
        return None
    where = ".".join(str(part) for part in error.absolute_path) or "the whole"
    wanted = str(error.validator_value)
    return f"{where} breaks {error.validator}: {wanted[:200]}"


def _in_url(value: Json) -> str:
    """One path segment or query value: nothing in it can change what the URL points at."""
    text = orjson.dumps(value).decode() if not isinstance(value, str) else value
    if text in ("", ".", ".."):
        raise ValueError("an argument in the URL may not be empty, . or ..")
    return quote(text, safe="")


def _redirected(request: httpx.Request, response: httpx.Response) -> httpx.Request:
    """The next request of a redirect within the same origin; everything else is refused."""
    try:
        target = request.url.join(response.headers["Location"])
    except (httpx.InvalidURL, KeyError) as exc:
        raise _Failed(ToolError("redirect_refused", "redirected to no URL")) from exc
    same = (target.scheme, target.host, target.port) == (
        request.url.scheme,
        request.url.host,
        request.url.port,
    )
    if not same or request.method != "GET":
        message = "redirected elsewhere" if not same else "a redirect of a request with effects"
        raise _Failed(ToolError("redirect_refused", message, response.status_code))
    return httpx.Request("GET", target, headers=request.headers)


async def _read(response: httpx.Response, transport: HttpTransport) -> bytes:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise _Failed(ToolError("bad_answer", "the answer is compressed though we asked for plain"))
    limit, parts, size = transport.max_response_bytes, [], 0
    async for part in response.aiter_raw():
        size += len(part)
        if size > limit:
            message = f"the answer is over {limit} bytes"
            raise _Failed(ToolError("answer_too_large", message, response.status_code))
        parts.append(part)
    return b"".join(parts)


def _result(tool: ToolSpec, status: int, body: bytes) -> Json:
    """The mapped and checked result of an answer, or _Failed."""
    if not 200 <= status < 300:
        code = tool.transport.error_codes.get(status)
        is_retryable = code is None and status in _RETRYABLE_STATUS
        message = f"the service answered {status}"
        raise _Failed(ToolError(code or f"http_{status}", message, status, is_retryable))
    try:
        answer = orjson.loads(body) if body.strip() else {}
    except orjson.JSONDecodeError:
        raise _Failed(ToolError("bad_answer", "the answer is not JSON", status)) from None
    mapping = tool.transport.result
    result: Any = answer
    if mapping:
        result = {name: _at(answer, path) for name, path in mapping.items()}
        missing = [name for name, value in result.items() if value is _MISSING]
        if missing:
            message = f"the answer lacks {', '.join(mapping[name] for name in missing)}"
            raise _Failed(ToolError("bad_answer", message, status))
    if tool.returns is not None:
        problem = _first_problem(tool.returns, result)
        if problem is not None:
            raise _Failed(ToolError("bad_answer", f"in the answer, {problem}", status))
    return result


def _at(value: Json, path: str) -> Json:
    """What lies at a dotted path (numbers index lists); _MISSING when nothing does."""
    for part in path.split(".") if path else ():
        if isinstance(value, dict):
            value = value.get(part, _MISSING)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return _MISSING
    return value
