"""Settings of several edges behind one SIP port; a part of ``runtime.settings.Settings``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode


class FrontSettings(BaseSettings):
    """``trunkline up`` sets all but the first two by itself for the processes it starts."""

    edges: int = Field(default=1, ge=1, le=32)  # SIP processes of `trunkline up`; 1: and no front
    edge_ports: int = 0  # of `up`'s front and edges, three an edge; 0: from sip_port + 10 on
    edge_name: str = Field(default="", pattern=r"^[a-z0-9-]{0,32}$")  # of this edge; empty: sip
    sip_bind_address: str = ""  # where this edge listens for SIP; empty: bind_address
    front_inner: str = ""  # HOST:PORT at which the front speaks with its edges; empty: no front
    front_address: str = ""  # HOST:PORT at which callers reach the front; :PORT: on this machine
    front_tls_port: int = 0  # the front's; 0: it takes no SIP over TLS
    front_edges: Annotated[tuple[str, ...], NoDecode] = ()  # NAME=HOST:PORT, for the front

    @field_validator("front_edges", mode="before")
    @classmethod
    def _edges_from_text(cls, value: Any) -> Any:
        """``edge-1=10.0.0.11:5060,edge-2=…`` in the environment, a list in TOML."""
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @property
    def resolved_edge_name(self) -> str:
        return self.edge_name or "sip"
