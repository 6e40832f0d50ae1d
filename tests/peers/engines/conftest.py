"""One installation with every engine: its own model server is the far end of the hosted ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fakes.chat_model import ChatServer, chat_server
from tests.peers.drivers.installation import Installation, running
from tests.peers.drivers.ports import free_port
from tests.peers.engines.line import Line, line_to

AGENTS = Path(__file__).parents[3] / "flows/trunkline/flows/agents"
NUMBERS = {"cascade": "100", "cascade-hosted": "202", "upstream": "203"}
"""The first is the sample agent's own number: it names no engine, so the default answers."""
CHAT_KEY = "sk-of-this-test"

SWAPPING = """
agent: {name: swapping, display_name: Swapping, voice: coral, engine: cascade}
start: first
slots:
  one: {kind: digits, length: 3, description: first number, ask: "What is the first number?"}
  two: {kind: digits, length: 3, description: second number, ask: "What is the second number?"}
  three: {kind: digits, length: 3, description: third number, ask: "What is the third number?"}
  four: {kind: digits, length: 3, description: fourth number, ask: "What is the fourth number?"}
steps:
  first: {collect: [one], next: second}
  second: {collect: [two], engine: upstream, next: third}
  third: {collect: [three], engine: cascade-hosted, next: fourth}
  fourth: {collect: [four], engine: cascade-hosted, next: done}
  done: {say: "That was {{ one }}, {{ two }}, {{ three }} and {{ four }}.", next: over}
  over: {hang_up: done}
"""

BOASTFUL = """
agent: {name: boastful, display_name: Boastful, voice: coral, engine: cascade-hosted}
start: desk
variables: {service: {default: "http://127.0.0.1:8083", from_env: TRUNKLINE_SAMPLE_SERVICE_URL}}
allow_hosts: ["{{ service }}"]
tools:
  pay_bill:
    description: Pay the bill. The caller says "pay my bill".
    examples: [pay my bill]
    risk: high
    after: speak
    parameters: {type: object, properties: {}, additionalProperties: false}
    http: {method: POST, url: "{{ service }}/accounts/44217740/payments", body: {amount: "12.50"}}
    idempotency_key: true
steps:
  desk: {say: How can I help you?, listen: {tools: [pay_bill]}}
"""


@pytest.fixture(scope="session")
def chat() -> Iterator[ChatServer]:
    with chat_server() as server:
        yield server


@pytest.fixture(scope="session")
def model_port() -> int:
    return free_port()


@pytest.fixture(scope="session")
def upstream_line(model_port: int) -> Iterator[Line]:
    """What the upstream engine goes through to its far end."""
    with line_to(model_port) as line:
        yield line


@pytest.fixture(scope="session")
def installation(
    tmp_path_factory: pytest.TempPathFactory,
    chat: ChatServer,
    model_port: int,
    upstream_line: Line,
) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("tl")
    config = folder / "trunkline.toml"
    agents = _agents(folder / "agents")
    config.write_text(_settings(model_port, upstream_line.port, chat.base_url, agents))
    settings = {
        "TRUNKLINE_CONFIG": str(config),
        "TRUNKLINE_MODEL_PORT": str(model_port),
        "CHAT_KEY": CHAT_KEY,
    }
    with running(folder / "var", **settings) as started:
        yield dataclasses.replace(started, model_port=model_port)


def _agents(folder: Path) -> Path:
    """The sample agent, word for word, once for each engine; and one that changes engines."""
    folder.mkdir()
    energy = (AGENTS / "energy.yaml").read_text()
    for engine in ("cascade-hosted", "upstream"):
        name = f"energy_{engine.replace('-', '_')}"
        own = energy.replace("  name: energy\n", f"  name: {name}\n  engine: {engine}\n", 1)
        assert own != energy
        (folder / f"{name}.yaml").write_text(own)
    (folder / "swapping.yaml").write_text(SWAPPING)
    (folder / "boastful.yaml").write_text(BOASTFUL)
    return folder


def _settings(model_port: int, upstream_port: int, chat_url: str, agents: Path) -> str:
    own = f"http://127.0.0.1:{model_port}/v1"
    numbers = "".join(
        f'[[numbers]]\nnumber = "{number}"\nagent = "energy_{engine.replace("-", "_")}"\n'
        f'trunk = "local"\n'
        for engine, number in NUMBERS.items()
        if engine != "cascade"
    )
    return f"""
engines = ["cascade-hosted", "upstream"]
agents_dir = "{agents}"

[hosted.transcription]
base_url = "{own}"
model = "cascade"
key_env = "TRUNKLINE_API_KEY"
is_trunkline = true
local_partials = false

[hosted.chat]
base_url = "{chat_url}"
model = "a-few-rules"
key_env = "CHAT_KEY"
retries = 0
breaker_failures = 50

[hosted.speech]
base_url = "{own}"
model = "cascade"
key_env = "TRUNKLINE_API_KEY"

[upstream]
base_url = "http://127.0.0.1:{upstream_port}/v1"
model = "cascade"
key_env = "TRUNKLINE_API_KEY"
is_trunkline = true
audio_format = "audio/pcmu"
transcription_model = "trunkline-asr"

[[numbers]]
number = "204"
agent = "swapping"
trunk = "local"

[[numbers]]
number = "206"
agent = "boastful"
trunk = "local"

{numbers}"""
