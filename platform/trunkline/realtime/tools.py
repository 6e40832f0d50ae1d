"""Tools of a session: functions the client runs, MCP servers we ask ourselves (contract 9, 9.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    Tag,
    field_validator,
    model_serializer,
    model_validator,
)

from trunkline.domain.events import Json
from trunkline.realtime.items import MAX_TEXT_CHARS

MAX_TOOLS: Final = 256
MAX_MCP_SERVERS: Final = 16
MAX_HEADERS: Final = 32
# Headers that the MCP transport sets for itself.
_OWN_HEADERS: Final = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "accept", "te"}
    | {"upgrade", "mcp-session-id", "mcp-protocol-version", "last-event-id", "authorization"}
)
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_SECRETS: Final = frozenset({"authorization", "headers"})


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FunctionTool(BaseModel):
    """A flat function tool. ``x-trunkline`` and whatever else a client adds is kept and echoed."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: Literal["function"] = "function"
    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$")
    description: str = Field(default="", max_length=MAX_TEXT_CHARS)
    parameters: dict[str, Json] = Field(
        default_factory=lambda: {"type": "object", "properties": {}}
    )


_Names: TypeAlias = Annotated[
    tuple[Annotated[str, Field(max_length=128)], ...], Field(max_length=256)
]


class McpFilter(_Config):
    """Tools by name, by their ``readOnlyHint``, or both."""

    tool_names: _Names | None = None
    read_only: bool | None = None


class ApprovalFilter(_Config):
    always: McpFilter | None = None
    never: McpFilter | None = None


class McpTool(_Config):
    """An MCP server; ``authorization`` and ``headers`` are secrets and are never echoed."""

    type: Literal["mcp"]
    server_label: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")
    server_url: Annotated[str, Field(max_length=2048)] | None = None
    connector_id: str | None = None
    tunnel_id: str | None = None
    authorization: str | None = Field(default=None, max_length=8192, repr=False)
    headers: dict[str, Annotated[str, Field(max_length=8192)]] | None = Field(
        default=None, max_length=MAX_HEADERS, repr=False
    )
    allowed_tools: _Names | McpFilter | None = None
    require_approval: Literal["always", "never"] | ApprovalFilter | None = None
    server_description: Annotated[str, Field(max_length=4096)] | None = None
    defer_loading: bool | None = None
    allowed_callers: tuple[Literal["direct", "programmatic"], ...] | None = None

    @field_validator("server_url")
    @classmethod
    def _is_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            is_whole = bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            is_whole = False
        if not is_whole or parts.scheme not in ("http", "https"):
            raise ValueError("it must be an http or https URL")
        if parts.username is not None or parts.password is not None:
            raise ValueError("credentials belong into 'authorization', not into the URL")
        return value

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, value: dict[str, str] | None) -> dict[str, str] | None:
        for name, text in (value or {}).items():
            if not _HEADER_NAME.fullmatch(name) or name.lower() in _OWN_HEADERS:
                raise ValueError(f"the header '{name[:64]}' cannot be set")
            if not text.isascii() or not text.isprintable():
                raise ValueError(f"the value of '{name}' holds characters no header may have")
        return value

    @field_validator("authorization")
    @classmethod
    def _is_token(cls, value: str | None) -> str | None:
        if value is not None and not (value.isascii() and value.isprintable()):
            raise ValueError("it holds characters no header may have")
        return value

    @model_validator(mode="after")
    def _names_a_server(self) -> McpTool:
        if self.connector_id is not None or self.tunnel_id is not None:
            raise ValueError(
                "connectors and tunnels are run by OpenAI; give a 'server_url' this server reaches"
            )
        if self.server_url is None:
            raise ValueError("it needs a 'server_url'")
        return self

    @model_serializer(mode="wrap")
    def _without_secrets(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {
            key: value
            for key, value in write(self).items()
            if value is not None and key not in _SECRETS
        }


def _tool_tag(value: Any) -> str:
    kind = value.get("type", "function") if isinstance(value, dict) else getattr(value, "type", "")
    return kind if isinstance(kind, str) else ""


Tool: TypeAlias = Annotated[
    Annotated[FunctionTool, Tag("function")] | Annotated[McpTool, Tag("mcp")],
    Discriminator(_tool_tag),
]


class NamedFunction(_Config):
    type: Literal["function"] = "function"
    name: str


class NamedMcp(_Config):
    """Any tool of one MCP server, or the one that ``name`` says."""

    type: Literal["mcp"]
    server_label: str
    name: str | None = None


def _choice_tag(value: Any) -> str:
    if isinstance(value, str):
        return "mode"
    return _tool_tag(value)


ToolChoice: TypeAlias = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("mode")]
    | Annotated[NamedFunction, Tag("function")]
    | Annotated[NamedMcp, Tag("mcp")],
    Discriminator(_choice_tag),
]


def functions_of(tools: Sequence[FunctionTool | McpTool]) -> tuple[FunctionTool, ...]:
    return tuple(tool for tool in tools if isinstance(tool, FunctionTool))


def servers_of(tools: Sequence[FunctionTool | McpTool]) -> tuple[McpTool, ...]:
    return tuple(tool for tool in tools if isinstance(tool, McpTool))


def refuse_repeated_names(tools: Sequence[FunctionTool | McpTool]) -> None:
    """ValueError when two functions share a name, two servers a label, or there are too many."""
    names = [tool.name for tool in functions_of(tools)]
    if len(set(names)) != len(names):
        raise ValueError("two tools have the same name")
    labels = [tool.server_label for tool in servers_of(tools)]
    if len(set(labels)) != len(labels):
        raise ValueError("two MCP servers have the same server_label")
    if len(labels) > MAX_MCP_SERVERS:
        raise ValueError(f"a session has at most {MAX_MCP_SERVERS} MCP servers")


def tool_documents(tools: Sequence[FunctionTool | McpTool]) -> tuple[dict[str, Json], ...]:
    """The functions as plain JSON, ``x-trunkline`` annotations included."""
    return tuple(tool.model_dump(mode="json") for tool in functions_of(tools))
