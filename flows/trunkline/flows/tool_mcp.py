"""Tools of MCP servers: what the flow says about them is held against what the server says."""

from __future__ import annotations

import re
import shlex
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

import orjson
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CONNECTION_CLOSED,
    INVALID_PARAMS,
    REQUEST_TIMEOUT,
    CallToolResult,
    TextContent,
)

from trunkline.domain.events import Json, ToolOutcome
from trunkline.flows.prompts import PromptError
from trunkline.flows.tool_context import ToolContext
from trunkline.flows.tool_mcp_link import LinkLost, McpLink, ServerAddress
from trunkline.flows.tool_validation import (
    bad_answer,
    invalid_arguments,
    mapped_result,
    schema_conflicts,
)
from trunkline.flows.tools import SECRETS, McpServer, McpTransport, ToolError, ToolFault, ToolSpec
from trunkline.runtime.guarded_http import Resolver, resolve
from trunkline.runtime.logging import get_logger
from trunkline.runtime.supervision import Nursery

log = get_logger(__name__)

KEY_IN_META: Final = "trunkline/idempotency_key"
"""Where a server finds the idempotency key of a call: in its ``_meta``."""

_MAX_LINKS: Final = 32
_MAX_TEXT_CHARS: Final = 300
_ENVIRONMENT_NAME: Final = re.compile(r"([A-Z_][A-Z0-9_]*)=")


class McpTools:
    """One link per server, shared by all calls; made when first asked for.

    ``commands``: what the operator lets flows start, each a command line as a shell would read it,
    after the names of environment variables that may be set: ``BOOKS_TOKEN= books-server --stdio``.
    """

    def __init__(self, resolver: Resolver = resolve, commands: tuple[str, ...] = ()) -> None:
        self._resolver = resolver
        self._allowed = dict(_allowed_command(line) for line in commands)
        self._links: OrderedDict[ServerAddress, McpLink] = OrderedDict()
        self._tasks = Nursery("mcp")

    async def aclose(self) -> None:
        for link in self._links.values():
            link.close()
        self._links.clear()
        await self._tasks.drain(deadline_s=5)

    async def run(
        self,
        tool: ToolSpec,
        transport: McpTransport,
        arguments: Mapping[str, Json],
        context: ToolContext,
        secrets: Mapping[str, str],
    ) -> Json:
        """The mapped result; raises ToolFault. The caller bounds the time."""
        link = self._link(transport, context, secrets)
        schema = (await self._schemas(link)).get(transport.tool)
        if schema is None:
            message = f"the server {transport.server.name} has no tool {transport.tool}"
            raise ToolFault(ToolError("unknown_tool", message))
        _check(tool, transport, schema, arguments)
        meta: Any = {KEY_IN_META: context.idempotency_key}
        try:
            async with link.client() as client:
                answer = await client.call_tool(transport.tool, dict(arguments), meta=meta)
        except LinkLost as lost:
            raise _unreachable(lost) from None
        except MCPError as exc:
            raise _fault(exc) from None
        except RuntimeError:  # the library's: the server wants input from somebody who is not there
            raise bad_answer("the server asks for more than a call can give") from None
        return _result(tool, transport, answer)

    async def schemas(
        self, server: McpServer, variables: Mapping[str, Json], secrets: Mapping[str, str]
    ) -> Mapping[str, Mapping[str, Json]]:
        """What the server's tools take, by name; raises ToolFault."""
        transport = McpTransport(server, "")
        return await self._schemas(self._link(transport, ToolContext("", "", variables), secrets))

    async def _schemas(self, link: McpLink) -> Mapping[str, Mapping[str, Json]]:
        try:
            return await link.schemas()
        except LinkLost as lost:
            raise _unreachable(lost) from None
        except MCPError as exc:
            raise _fault(exc) from None

    def _link(
        self, transport: McpTransport, context: ToolContext, secrets: Mapping[str, str]
    ) -> McpLink:
        address = self._address(transport, context, secrets)
        link = self._links.get(address)
        if link is None:
            link = McpLink(address, self._tasks, self._resolver)
            self._links[address] = link
            while len(self._links) > _MAX_LINKS:
                self._links.popitem(last=False)[1].close()
        self._links.move_to_end(address)
        return link

    def _address(
        self, transport: McpTransport, context: ToolContext, secrets: Mapping[str, str]
    ) -> ServerAddress:
        server = transport.server
        known = {**context.variables, SECRETS: secrets}
        try:
            url = server.url.render(context.variables) if server.url is not None else ""
            headers = tuple((name, text.render(known)) for name, text in server.headers.items())
            env = tuple((name, text.render(known)) for name, text in server.env.items())
        except PromptError as exc:
            raise ToolFault(ToolError("bad_template", f"cannot reach the server: {exc}")) from None
        if server.command:
            names = self._allowed.get(server.command)
            if names is None or not {name for name, _ in env} <= names:
                message = f"TRUNKLINE_MCP_COMMANDS does not allow the command of {server.name}"
                raise ToolFault(ToolError("command_refused", message))
        return ServerAddress(
            url=url,
            headers=headers,
            command=server.command,
            env=env,
            allowed_hosts=server.allowed_hosts,
            limit_bytes=max(transport.max_response_bytes, 64 * 1024) * 2,
        )


def _allowed_command(line: str) -> tuple[tuple[str, ...], frozenset[str]]:
    words = shlex.split(line)
    names = []
    while words and (found := _ENVIRONMENT_NAME.fullmatch(words[0])):
        names.append(found[1])
        words.pop(0)
    return tuple(words), frozenset(names)


def _check(
    tool: ToolSpec,
    transport: McpTransport,
    schema: Mapping[str, Json],
    arguments: Mapping[str, Json],
) -> None:
    if transport.has_own_schema and (conflicts := schema_conflicts(tool.parameters, schema)):
        log.error("a flow and an MCP server disagree on a tool", tool=tool.name, what=conflicts)
        raise ToolFault(ToolError("schema_mismatch", "; ".join(conflicts)[:_MAX_TEXT_CHARS]))
    wrong = invalid_arguments(schema, arguments)
    if wrong is not None:
        raise ToolFault(wrong, ToolOutcome.INVALID)


def _unreachable(lost: LinkLost) -> ToolFault:
    if lost.refused:
        return ToolFault(ToolError("address_refused", lost.refused))
    return ToolFault(ToolError("unreachable", lost.reason, is_retryable=True))


def _fault(exc: MCPError) -> ToolFault:
    match exc.error.code:
        case code if code in (CONNECTION_CLOSED, REQUEST_TIMEOUT):
            return ToolFault(ToolError("unreachable", "the server is gone", is_retryable=True))
        case code if code == INVALID_PARAMS:
            error = ToolError("invalid_arguments", exc.error.message[:_MAX_TEXT_CHARS])
            return ToolFault(error, ToolOutcome.INVALID)
        case code:
            return bad_answer(f"the server answered with error {code}")


def _result(tool: ToolSpec, transport: McpTransport, answer: CallToolResult) -> Json:
    texts = [part.text for part in answer.content if isinstance(part, TextContent)]
    text = "\n".join(texts)
    if answer.is_error:
        message = text[:_MAX_TEXT_CHARS] or "the tool failed"
        raise ToolFault(ToolError("tool_error", message))
    value: Json = answer.structured_content
    if value is None:
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            value = {"text": text}
    if len(orjson.dumps(value)) > transport.max_response_bytes:
        message = f"the answer is over {transport.max_response_bytes} bytes"
        raise ToolFault(ToolError("answer_too_large", message), blames_service=True)
    if isinstance(value, dict) and set(value) == {"result"} and not transport.result:
        value = value["result"]  # how servers wrap what is no object (MCP, structured content)
    return mapped_result(transport.result, tool.returns, value)
