"""Secrets by reference: a flow says ``{{ secrets.energy_key }}``, a store says what that is.

Today the store is the environment (``TRUNKLINE_SECRET_ENERGY_KEY``); SecretStore is the port for
another, which may ask over a network and so is asynchronous.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final, Protocol

from trunkline.flows.prompts import Prompt
from trunkline.flows.tools import SECRETS, HttpTransport, McpTransport, ToolSpec

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
