"""Settings from the environment and one TOML file; read only by entry points.

Every name below is ``TRUNKLINE_`` plus the field in capitals. ``TRUNKLINE_CONFIG`` names a TOML
file whose top-level keys are the field names in lower case; the environment wins over the file.
"""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from trunkline.domain.errors import ConfigError
from trunkline.runtime.engine_settings import HostedSettings, UpstreamSettings
from trunkline.runtime.front_settings import FrontSettings
from trunkline.runtime.model_settings import ModelSettings

SAMPLE_NUMBERS: Final = {"100": "energy", "101": "clinic", "102": "shop", "103": "after_hours"}
"""The sample agents' numbers on the local trunk."""
_LOCAL_TRUNK: Final = "local"


class TrunkSettings(BaseModel):
    """One ``[[trunks]]`` table of the TOML file."""

    model_config = ConfigDict(extra="forbid")

    name: str
    auth: str = "source"
    sources: tuple[str, ...] = ()
    registrar: str = ""
    username: str = ""
    password: SecretStr = SecretStr("")
    realm: str = "*"
    outbound_proxy: str = ""
    expires_s: int = 300
    max_calls: int = 100
    calls_per_second: float = Field(default=50, gt=0, le=1000)  # INVITEs; more: 503
    calls_burst: int = Field(default=100, ge=1, le=10_000)  # that may come at once
    caller_ids: tuple[str, ...] = ()  # numbers that calls over this trunk may show
    prices: dict[str, float] = {}  # a minute, by prefix: {"+44" = 0.02}
    billing: str = "60/60"  # seconds that are paid at first, and then at a time
    srtp: str = "off"  # off, optional, required
    trusted: bool = False  # its P-Asserted-Identity and Diversion reach the flow
    headers: tuple[str, ...] = ()  # X- headers that reach the flow
    options_s: int = Field(default=0, ge=0, le=3600)  # seconds between OPTIONS; 0: none are sent
    prefixes: tuple[str, ...] = ()  # placed calls to these numbers go here; empty: any


class NumberSettings(BaseModel):
    """One ``[[numbers]]`` table: a called number and the agent that answers it."""

    model_config = ConfigDict(extra="forbid")

    number: str
    agent: str
    trunk: str | None = None


class Settings(FrontSettings):
    model_config = SettingsConfigDict(env_prefix="TRUNKLINE_", extra="ignore")

    data_dir: Path = Path("var")
    speech_cache_dir: Path | None = None  # None: in data_dir; edges of one machine may share it
    bind_address: str = "0.0.0.0"
    public_address: str = ""  # in Contact and SDP; empty: the address the packet leaves from
    sip_port: int = 5060
    sip_tls_port: int = 0  # 0: no SIP over TLS, neither in nor out; usually 5061
    sip_tls_cert: Path | None = None  # PEM: the chain; renewed files are taken up by themselves
    sip_tls_key: Path | None = None
    sip_tls_ca_file: Path | None = None  # who may vouch for carriers; None: the system's list
    sip_tls_verify_peer: bool = True  # False: a carrier's certificate is not looked at
    rtp_ports: Annotated[tuple[int, int], NoDecode] = (20000, 23999)
    web_port: int = 8080
    model_port: int = 8000
    sip_health_port: int = 0  # 0: web_port + 1
    worker_health_port: int = 0  # 0: web_port + 2
    sample_service_port: int = 0  # 0: web_port + 3
    web_bind_address: str = "127.0.0.1"
    model_bind_address: str = "127.0.0.1"
    model_tls_port: int = 0  # 0: no TLS; else the Realtime API is served here too, over TLS
    model_tls_bind_address: str = "0.0.0.0"
    model_tls_cert: Path | None = None  # PEM: the chain; renewed files are taken up by themselves
    model_tls_key: Path | None = None
    model_url: str = ""  # empty: the model server on model_port of this machine
    public_url: str = ""  # of the dashboard, as people reach it; empty: links are sent to nobody
    smtp_url: str = ""  # smtp://user@host (STARTTLS), smtps://, smtp+plain://; empty: no mail
    smtp_password: SecretStr = SecretStr("")
    smtp_from: str = ""  # "Trunkline <approvals@example.org>"
    database_url: str = ""  # empty: SQLite in data_dir
    redis_url: str = ""  # empty: a private Redis that `trunkline up` starts
    api_key: SecretStr = SecretStr("")
    engine: str = "cascade"
    fallback_engine: str = ""
    engines: Annotated[tuple[str, ...], NoDecode] = ()  # more engines that agents may name
    hosted: HostedSettings = HostedSettings()
    upstream: UpstreamSettings | None = None
    models: tuple[ModelSettings, ...] = ()  # beside those that ship
    currency: str = "USD"  # of all prices
    mcp_networks: str = ""  # private networks where sessions' MCP servers may be: CIDR, commas
    local_trunk: bool = True
    guard_packs: Path | None = None  # a folder of guardrail packs, beside the shipped ones
    guard_weights: Path | None = None  # what `trunkline guard train` wrote for them
    agents_dir: Path | None = None  # more flows; the shipped ones are always there
    # Python modules whose @tool functions flows may use; nothing else is imported for a flow.
    tool_modules: Annotated[tuple[str, ...], NoDecode] = ()
    # Command lines of MCP servers that flows may have started, after names of variables to set.
    mcp_commands: Annotated[tuple[str, ...], NoDecode] = ()
    trunks: tuple[TrunkSettings, ...] = ()
    numbers: tuple[NumberSettings, ...] = ()
    max_calls: int = Field(default=60, ge=1)
    # "measured": an edge that becomes slow refuses calls below max_calls too; "caps": only there.
    admission: Literal["measured", "caps"] = "measured"
    admission_free_mb: int = Field(default=64, ge=0)  # with less on the disk too; 0: never for that
    outbound_prefixes: Annotated[tuple[str, ...], NoDecode] = ()  # of numbers we may dial
    # Hosts of SIP URIs that may be called, beside the trunks' own: names, addresses, networks.
    outbound_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    # A day's money for placed calls, in ``currency``; None: no cap.
    outbound_spend_cap: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    outbound_max_calls: int = Field(default=10, ge=0)  # placed calls at once
    outbound_quiet_hours: str = ""  # nobody is called: "21:00-08:00 Europe/London"
    asr_workers: int = Field(default=0, ge=0)  # 0: one per core
    asr_noise_suppression: bool = True  # of turns that are noisy and not understood at once
    asr_telephone_transform: bool = True  # on a telephone band (MLLR); False: the model as it is
    recordings: bool = True
    recordings_keep_days: int = Field(default=0, ge=0)  # 0: for ever
    calls_keep_days: int = Field(default=0, ge=0)  # with transcripts and approvals; 0: for ever
    deliveries_keep_days: int = Field(default=30, ge=0)  # of webhooks and mail; 0: for ever
    log_level: str = "info"
    log_format: str = "auto"  # auto, console, json
    log_pii: bool = False  # True: never outside a laboratory

    @field_validator("tool_modules", "mcp_commands", mode="before")
    @classmethod
    def _list_from_text(cls, value: Any) -> Any:
        """Divided by ``;`` in the environment, a list in TOML."""
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(";") if part.strip())
        return tuple(value) if isinstance(value, list) else value

    @field_validator("rtp_ports", mode="before")
    @classmethod
    def _ports_from_text(cls, value: Any) -> Any:
        """``20000-23999`` in the environment, a pair in TOML."""
        if isinstance(value, str):
            first, dash, last = value.partition("-")
            if not (dash and first.strip().isdigit() and last.strip().isdigit()):
                raise ValueError("write the RTP ports as FIRST-LAST, for example 20000-23999")
            return int(first), int(last)
        return value

    @field_validator("outbound_prefixes", "outbound_hosts", "engines", mode="before")
    @classmethod
    def _prefixes_from_text(cls, value: Any) -> Any:
        """``+4420,+1212`` in the environment, a list in TOML."""
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("rtp_ports")
    @classmethod
    def _ports_in_order(cls, value: tuple[int, int]) -> tuple[int, int]:
        if not 1024 <= value[0] < value[1] <= 65535:
            raise ValueError("the RTP ports must lie between 1024 and 65535, first below last")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        sources: tuple[PydanticBaseSettingsSource, ...] = (init_settings, env_settings)
        path = os.environ.get("TRUNKLINE_CONFIG")
        if path:
            if not Path(path).is_file():
                raise ConfigError(f"TRUNKLINE_CONFIG names {path}, which is not a file")
            sources += (TomlConfigSettingsSource(settings_cls, toml_file=path),)
        return sources

    @cached_property
    def resolved_database_url(self) -> str:
        if self.database_url:
            return self.database_url
        return f"sqlite+aiosqlite:///{(self.data_dir / 'trunkline.db').resolve()}"

    @property
    def redis_socket(self) -> Path:
        return (self.data_dir / "redis" / "redis.sock").resolve()

    @property
    def resolved_redis_url(self) -> str:
        return self.redis_url or f"unix://{self.redis_socket}"

    @property
    def resolved_model_url(self) -> str:
        """HTTP base of the Realtime endpoint, without a trailing slash: ``http://host:port/v1``."""
        return (self.model_url or f"http://127.0.0.1:{self.model_port}/v1").rstrip("/")

    @property
    def resolved_sip_health_port(self) -> int:
        return self.sip_health_port or self.web_port + 1

    @property
    def resolved_worker_health_port(self) -> int:
        return self.worker_health_port or self.web_port + 2

    @property
    def resolved_sample_service_port(self) -> int:
        return self.sample_service_port or self.web_port + 3

    @property
    def authority_file(self) -> Path:
        """Hashed API keys for the model server (written by whoever manages keys)."""
        return self.data_dir / "authority.json"

    @property
    def edge_key_file(self) -> Path:
        """The key our own processes show to the model server; made at first start, mode 0600."""
        return self.data_dir / "edge.key"

    def resolved_edge_key(self) -> str:
        """TRUNKLINE_API_KEY, else the installation's own key; ConfigError when there is neither."""
        if key := self.api_key.get_secret_value():
            return key
        try:
            return self.edge_key_file.read_text().strip()
        except FileNotFoundError:
            raise ConfigError(
                f"no {self.edge_key_file}: run `trunkline prepare` once, or set TRUNKLINE_API_KEY"
            ) from None

    def served_numbers(self) -> tuple[NumberSettings, ...]:
        """Every configured number, and those of the sample agents on the local trunk.

        A sample agent's number that is taken stays with whoever took it.
        """
        if not self.local_trunk:
            return self.numbers
        taken = {one.number for one in self.numbers if one.trunk in (None, _LOCAL_TRUNK)}
        samples = (
            NumberSettings(number=number, agent=agent, trunk=_LOCAL_TRUNK)
            for number, agent in SAMPLE_NUMBERS.items()
        )
        return (*self.numbers, *(one for one in samples if one.number not in taken))

    @property
    def recordings_dir(self) -> Path:
        return self.data_dir / "recordings"

    @property
    def published_copy(self) -> Path:
        """What flows were published last, for an edge that starts without its database."""
        return self.data_dir / "flows" / "published.json"

    @property
    def rendered_lines_dir(self) -> Path:
        """Rendered lines, by content hash."""
        return self.speech_cache_dir or self.data_dir / "speech"


def load_settings(**overrides: Any) -> Settings:
    """Read the environment and the TOML file; ConfigError names the setting and what it wants."""
    try:
        return Settings(**overrides)
    except ValidationError as exc:
        lines = [
            f"TRUNKLINE_{'_'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
            for problem in exc.errors(include_url=False, include_input=False)
        ]
        raise ConfigError("\n".join(lines)) from None
