"""Tools over HTTP: the request from templates, the exchange within the rails, the answer mapped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote

import httpx2
import orjson

from trunkline.domain.events import Json
from trunkline.flows.prompts import Expression, PromptError
from trunkline.flows.tool_context import ToolContext
from trunkline.flows.tool_validation import bad_answer, mapped_result
from trunkline.flows.tools import SECRETS, HttpTransport, ToolError, ToolFault, ToolSpec
from trunkline.runtime.guarded_http import (
    GuardedTransport,
    RefusedHere,
    Resolver,
    guarded_client,
    resolve,
)
from trunkline.runtime.reach import Reach

_MAX_REDIRECTS: Final = 3
_RETRYABLE_STATUS: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


class HttpTools:
    """One connection pool per set of allowed hosts, shared by all calls."""

    def __init__(self, resolver: Resolver = resolve) -> None:
        self._resolver = resolver
        self._clients: dict[tuple[str, ...], httpx2.AsyncClient] = {}

    async def aclose(self) -> None:
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.aclose()

    async def run(
        self,
        tool: ToolSpec,
        transport: HttpTransport,
        arguments: Mapping[str, Json],
        context: ToolContext,
        secrets: Mapping[str, str],
    ) -> Json:
        """The mapped result; raises ToolFault. The caller bounds the time."""
        request = make_request(tool, transport, arguments, context, secrets)
        try:
            status, body = await self._exchange(transport, request)
        except RefusedHere as exc:
            message = f"{exc}: a flow allows hosts by allow_hosts"
            raise ToolFault(ToolError("address_refused", message)) from None
        except httpx2.TransportError as exc:
            error = ToolError("unreachable", str(exc), is_retryable=True)
            raise ToolFault(error) from None
        return _result(tool, transport, status, body)

    async def _exchange(
        self, transport: HttpTransport, request: httpx2.Request
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
        raise ToolFault(ToolError("redirect_refused", "redirected too often"))

    def _client(self, allowed: Sequence[str]) -> httpx2.AsyncClient:
        key = tuple(sorted(allowed))
        client = self._clients.get(key)
        if client is None:
            transport = GuardedTransport(
                Reach.of_hosts(key), resolver=self._resolver, keeps_open=False
            )
            client = guarded_client(transport)  # the attempt as a whole has a deadline
            self._clients[key] = client
        return client


def make_request(
    tool: ToolSpec,
    transport: HttpTransport,
    arguments: Mapping[str, Json],
    context: ToolContext,
    secrets: Mapping[str, str],
) -> httpx2.Request:
    """The request as it would leave; raises ToolFault ``bad_template`` when it cannot be made."""
    try:
        return _request(tool, transport, arguments, context, secrets)
    except (PromptError, ValueError, TypeError, httpx2.InvalidURL) as exc:
        # UnicodeError is a ValueError: its text would repeat the value.
        said = type(exc).__name__ if isinstance(exc, UnicodeError) else exc
        error = ToolError("bad_template", f"cannot make the request: {said}")
        raise ToolFault(error) from None


def _request(
    tool: ToolSpec,
    transport: HttpTransport,
    arguments: Mapping[str, Json],
    context: ToolContext,
    secrets: Mapping[str, str],
) -> httpx2.Request:
    if SECRETS in arguments:
        raise ValueError(f"no argument may be called {SECRETS}")
    plain = {**context.variables, **arguments}
    read = transport.url.variables
    escaped = {name: _in_url(value) for name, value in arguments.items() if name in read}
    in_url = {**context.variables, **escaped}
    with_secrets = {**plain, SECRETS: secrets}
    headers = {
        "Accept": "application/json",
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
                name: part.evaluate(plain) if isinstance(part, Expression) else part.render(plain)
                for name, part in transport.body.items()
            }
        )
    query = {name: text.render(plain) for name, text in transport.query.items()}
    url = httpx2.URL(transport.url.render(in_url))
    if url.userinfo:
        raise ValueError("credentials belong into headers, not into a URL")
    return httpx2.Request(
        transport.method,
        url,
        params=query or None,
        headers=headers,
        content=content,
    )


def _in_url(value: Json) -> str:
    """One path segment or query value: nothing in it can change what the URL points at."""
    text = orjson.dumps(value).decode() if not isinstance(value, str) else value
    if text in ("", ".", ".."):
        raise ValueError("an argument in the URL may not be empty, . or ..")
    return quote(text, safe="")


def _redirected(request: httpx2.Request, response: httpx2.Response) -> httpx2.Request:
    """The next request of a redirect within the same origin; everything else is refused."""
    try:
        target = request.url.join(response.headers["Location"])
    except (httpx2.InvalidURL, KeyError) as exc:
        raise ToolFault(ToolError("redirect_refused", "redirected to no URL")) from exc
    same = (target.scheme, target.host, target.port) == (
        request.url.scheme,
        request.url.host,
        request.url.port,
    )
    if not same or request.method != "GET":
        message = "redirected elsewhere" if not same else "a redirect of a request with effects"
        raise ToolFault(ToolError("redirect_refused", message, response.status_code))
    return httpx2.Request("GET", target, headers=request.headers)


async def _read(response: httpx2.Response, transport: HttpTransport) -> bytes:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise bad_answer("the answer is compressed though we asked for plain")
    limit, parts, size = transport.max_response_bytes, [], 0
    async for part in response.aiter_raw():
        size += len(part)
        if size > limit:
            message = f"the answer is over {limit} bytes"
            error = ToolError("answer_too_large", message, response.status_code)
            raise ToolFault(error, blames_service=True)
        parts.append(part)
    return b"".join(parts)


def _result(tool: ToolSpec, transport: HttpTransport, status: int, body: bytes) -> Json:
    """The mapped and checked result of an answer; raises ToolFault."""
    if not 200 <= status < 300:
        code = transport.error_codes.get(status)
        is_retryable = code is None and status in _RETRYABLE_STATUS
        message = f"the service answered {status}"
        error = ToolError(code or f"http_{status}", message, status, is_retryable)
        raise ToolFault(error, blames_service=status >= 500)
    try:
        answer = orjson.loads(body) if body.strip() else {}
    except orjson.JSONDecodeError:
        raise bad_answer("the answer is not JSON", status) from None
    return mapped_result(transport.result, tool.returns, answer, status)
