"""Secrets by reference: a flow says ``{{ secrets.energy_key }}``, a store says what that is.

Today the store is the environment (``TRUNKLINE_SECRET_ENERGY_KEY``); SecretStore is the port for
another, which may ask over a network and so is asynchronous.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final, Protocol

from trunkline.domain.events import Json
from trunkline.flows.prompts import Prompt
from trunkline.flows.tools import (
    SECRETS,
    HttpTransport,
    McpTransport,
    ToolRunResult,
    ToolSpec,
    ToolSucceeded,
)

SECRET_PREFIX: Final = "TRUNKLINE_SECRET_"
MASK: Final = "****"
_REFERENCE: Final = re.compile(rf"\b{SECRETS}\s*(?:\.\s*|\[\s*['\"])([A-Za-z_]\w*)")


class SecretStore(Protocol):
    async def read(self, names: Collection[str]) -> Mapping[str, str]:
        """The secrets of those names that there are; OSError when the store cannot be asked."""
        ...


class FixedSecrets:
    """Secrets that were read once, when the process began."""

    def __init__(self, secrets: Mapping[str, str] | None = None) -> None:
        self._secrets = dict(secrets or {})

    async def read(self, names: Collection[str]) -> Mapping[str, str]:
        return {name: self._secrets[name] for name in names if name in self._secrets}


def secrets_from(environment: Mapping[str, str]) -> dict[str, str]:
    """``TRUNKLINE_SECRET_ENERGY_KEY`` is ``secrets.energy_key`` in header templates."""
    return {
        name.removeprefix(SECRET_PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(SECRET_PREFIX)
    }


def secret_names(prompts: Iterable[Prompt]) -> tuple[str, ...]:
    """Names of the secrets that templates refer to, each once, in order."""
    found = (name for prompt in prompts for name in _REFERENCE.findall(prompt.source))
    return tuple(dict.fromkeys(found))


def secrets_of(tool: ToolSpec) -> tuple[str, ...]:
    """Names of the secrets a tool's request is made with."""
    match tool.transport:
        case HttpTransport(headers=headers):
            return secret_names(headers.values())
        case McpTransport(server=server):
            return secret_names([*server.headers.values(), *server.env.values()])
    return ()


def masked(names: Collection[str]) -> dict[str, str]:
    """What stands for secrets wherever a person looks."""
    return dict.fromkeys(names, MASK)


def concealed(result: ToolRunResult, secrets: Mapping[str, str]) -> ToolRunResult:
    """The result with the values that tokens stood for turned back into the tokens.

    ``secrets`` is token to value, as in RunTool: what a service echoes must not go on record.
    """
    if not secrets:
        return result
    if isinstance(result, ToolSucceeded):
        return replace(result, result=_conceal(result.result, secrets))
    message = _conceal(result.error.message, secrets)
    return replace(result, error=replace(result.error, message=message))


def _conceal(value: Json, secrets: Mapping[str, str]) -> Json:
    match value:
        case str():
            for token, secret in secrets.items():
                if secret:
                    value = value.replace(secret, token)
            return value
        case list():
            return [_conceal(entry, secrets) for entry in value]
        case dict():
            return {
                _conceal(key, secrets): _conceal(entry, secrets) for key, entry in value.items()
            }
    return value
