"""Tools against the real sample service, well and badly behaved."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.peers.flows.servers import fault, get, raw_server, serving

from trunkline.domain.events import ToolOutcome
from trunkline.flows.catalog import SHIPPED_AGENTS
from trunkline.flows.flow import Flow
from trunkline.flows.prompts import compile_prompt
from trunkline.flows.sample_service import create_app
from trunkline.flows.schema.loader import load_flow
from trunkline.flows.tool_runner import ToolContext, ToolRunner, secrets_from
from trunkline.flows.tools import (
    HttpTransport,
    Retry,
    ToolFailed,
    ToolRunResult,
    ToolSpec,
    ToolSucceeded,
)

pytestmark = pytest.mark.peers
ENERGY = (SHIPPED_AGENTS / "energy.yaml").read_text(encoding="utf-8")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[str]:
    with serving(create_app(tmp_path)) as url:
        yield url


@pytest.fixture
def flow(service: str) -> Flow:
    return load_flow(ENERGY, environment={"TRUNKLINE_SAMPLE_SERVICE_URL": service})


@pytest.fixture
async def tools() -> AsyncIterator[ToolRunner]:
    async with ToolRunner() as runner:
        yield runner


async def run(
    tools: ToolRunner, flow: Flow, name: str, key: str = "key-1", **arguments: Any
) -> ToolRunResult:
    context = ToolContext("call_1", key, flow.variables)
    return await tools.run(flow.tools[name], arguments, context)


def plain_tool(url: str, *allowed: str, **changes: Any) -> ToolSpec:
    transport = HttpTransport("GET", compile_prompt(url), allowed_hosts=allowed)
    parameters = {"type": "object", "properties": {}}
    return replace(ToolSpec("probe", "A probe.", transport, parameters, timeout_ms=2000), **changes)


async def run_tool(tools: ToolRunner, tool: ToolSpec, **arguments: Any) -> ToolRunResult:
    return await tools.run(tool, arguments, ToolContext("call_1", "key-1"))


def failed(result: ToolRunResult) -> ToolFailed:
    assert isinstance(result, ToolFailed), result
    return result


async def test_the_balance_of_the_sample_account_is_182_40(tools: ToolRunner, flow: Flow) -> None:
    result = await run(tools, flow, "get_balance", account="44172908")
    assert isinstance(result, ToolSucceeded)
    assert result.result["owed"] == 182.40
    assert result.attempts == 1
    hours = await run(tools, flow, "get_hours")
    assert isinstance(hours, ToolSucceeded)
    assert hours.result["weekdays"] == {"opens": "08:00", "closes": "18:00"}


async def test_an_unknown_account_is_an_answer_with_a_code_of_its_own(
    tools: ToolRunner, flow: Flow
) -> None:
    result = failed(await run(tools, flow, "get_balance", account="00000000"))
    assert (result.error.code, result.error.http_status) == ("not_found", 404)
    assert result.attempts == 1


async def test_a_reading_is_kept_and_a_key_has_one_effect(
    tools: ToolRunner, flow: Flow, service: str
) -> None:
    for _ in range(3):
        result = await run(tools, flow, "submit_reading", account="44172908", reading="48261")
        assert isinstance(result, ToolSucceeded)
    kept = await get(f"{service}/accounts/44172908/readings")
    assert [reading["reading"] for reading in kept["readings"]] == ["48261"]
    lower = await run(tools, flow, "submit_reading", "key-2", account="44172908", reading="00001")
    assert failed(lower).error.code == "below_previous"


async def test_an_effect_whose_answer_was_lost_is_tried_again_and_happens_once(
    tools: ToolRunner, flow: Flow, service: str
) -> None:
    await fault(service, kind="after", path="/accounts")
    result = await run(tools, flow, "submit_reading", account="44172908", reading="48261")
    assert isinstance(result, ToolSucceeded)
    assert result.attempts == 2
    kept = await get(f"{service}/accounts/44172908/readings")
    assert [reading["reading"] for reading in kept["readings"]] == ["48261"]


async def test_arguments_that_break_the_schema_never_leave(
    tools: ToolRunner, flow: Flow, service: str
) -> None:
    await fault(service, kind="error", path="/", count=5)
    for arguments in ({"account": "4417"}, {}, {"account": "44172908", "extra": 1}):
        result = failed(await run(tools, flow, "get_balance", **arguments))
        assert result.outcome is ToolOutcome.INVALID
        assert result.error.code == "invalid_arguments"
        assert result.attempts == 0
    assert "4417" not in str(result.result)
    assert (await get(f"{service}/faults"))["faults"][0]["count"] == 5


@pytest.mark.parametrize(
    ("kind", "code"),
    [("html", "bad_answer"), ("nonsense", "bad_answer"), ("huge", "answer_too_large")],
)
async def test_an_answer_that_is_no_answer_is_a_typed_error(
    tools: ToolRunner, flow: Flow, service: str, kind: str, code: str
) -> None:
    await fault(service, kind=kind)
    result = failed(await run(tools, flow, "get_balance", account="44172908"))
    assert (result.outcome, result.error.code) == (ToolOutcome.FAILED, code)
    assert isinstance(await run(tools, flow, "get_balance", account="44172908"), ToolSucceeded)


async def test_an_error_that_passes_is_tried_again_within_bounds(
    tools: ToolRunner, flow: Flow, service: str
) -> None:
    await fault(service, kind="error")
    result = await run(tools, flow, "get_balance", account="44172908")
    assert isinstance(result, ToolSucceeded)
    assert result.attempts == 2
    await fault(service, kind="error", count=10)
    given_up = failed(await run(tools, flow, "get_balance", account="44172908"))
    assert (given_up.error.code, given_up.attempts) == ("http_500", 2)
    assert (await get(f"{service}/faults"))["faults"][0]["count"] == 8


async def test_a_tool_that_may_have_an_effect_twice_is_never_tried_again(
    tools: ToolRunner, flow: Flow, service: str
) -> None:
    tool = replace(
        flow.tools["submit_reading"], sends_key=False, is_idempotent=False, retry=Retry(5, 0)
    )
    await fault(service, kind="after")
    arguments = {"account": "44172908", "reading": "48261"}
    result = await tools.run(tool, arguments, ToolContext("call_1", "key-1", flow.variables))
    assert failed(result).attempts == 1
    kept = await get(f"{service}/accounts/44172908/readings")
    assert len(kept["readings"]) == 1


@pytest.mark.parametrize("kind", ["never", "slow"])
async def test_a_service_that_does_not_answer_in_time_is_timed_out(
    tools: ToolRunner, flow: Flow, service: str, kind: str
) -> None:
    await fault(service, kind=kind, delay_s=30, count=2)
    tool = replace(flow.tools["get_balance"], timeout_ms=200, retry=Retry(2, 10))
    context = ToolContext("call_1", "key-1", flow.variables)
    result = failed(await tools.run(tool, {"account": "44172908"}, context))
    assert (result.outcome, result.attempts) == (ToolOutcome.TIMED_OUT, 2)


async def test_a_service_that_is_down_is_unreachable(tools: ToolRunner, tmp_path: Path) -> None:
    with serving(create_app(tmp_path)) as gone:
        pass
    result = failed(await run_tool(tools, plain_tool(f"{gone}/hours", gone)))
    assert result.error.code == "unreachable"


async def test_only_the_named_port_of_a_named_host_is_allowed(
    tools: ToolRunner, service: str
) -> None:
    port = service.rpartition(":")[2]
    for allowed in ((), ("127.0.0.1:1",), ("localhost",), (f"http://localhost:{port}",)):
        result = failed(await run_tool(tools, plain_tool(f"{service}/hours", *allowed)))
        assert result.error.code == "address_refused", allowed
    for fine in (service, f"127.0.0.1:{port}", "127.0.0.1"):
        assert isinstance(
            await run_tool(tools, plain_tool(f"{service}/hours", fine)), ToolSucceeded
        )


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::]",
        "0.0.0.0",
        "LOCALHOST",
    ],
)
async def test_a_url_that_points_inward_is_refused_however_it_is_spelt(
    tools: ToolRunner, service: str, host: str
) -> None:
    port = service.rpartition(":")[2]
    result = failed(await run_tool(tools, plain_tool(f"http://{host}:{port}/hours")))
    assert result.error.code == "address_refused"


async def test_a_name_that_resolves_inward_is_refused_and_the_checked_address_is_dialled(
    service: str,
) -> None:
    port = service.rpartition(":")[2]
    asked: list[str] = []

    async def resolver(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    async with ToolRunner(resolver=resolver) as tools:
        tool = plain_tool(f"http://tools.example.org:{port}/hours")
        assert failed(await run_tool(tools, tool)).error.code == "address_refused"
        named = plain_tool(f"http://tools.example.org:{port}/hours", "tools.example.org")
        assert isinstance(await run_tool(tools, named), ToolSucceeded)
    assert asked == ["tools.example.org"] * 2


async def test_a_resolver_that_changes_its_mind_gains_nothing(service: str) -> None:
    port = service.rpartition(":")[2]
    answers = iter([["203.0.113.9", "127.0.0.1"], ["127.0.0.1"], ["8.8.8.8", "127.0.0.1"]])

    async def rebinding(host: str, port: int) -> list[str]:
        return next(answers)

    async with ToolRunner(resolver=rebinding) as tools:
        for _ in range(2):
            tool = plain_tool(f"http://tools.example.org:{port}/hours", timeout_ms=500)
            assert failed(await run_tool(tools, tool)).error.code == "address_refused"
    assert next(answers)[1] == "127.0.0.1"  # asked once for each connection, not again to dial


async def test_credentials_in_a_url_are_refused_also_when_a_variable_brings_them(
    tools: ToolRunner, service: str
) -> None:
    bare = service.removeprefix("http://")
    tool = plain_tool("http://{{ who }}" + bare + "/hours", service)
    context = ToolContext("call_1", "key-1", {"who": "me:secret@"})
    error = failed(await tools.run(tool, {}, context)).error
    assert error.code == "bad_template"
    assert "secret" not in error.message


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/x", "redirect_refused"),
        (b"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/x", "redirect_refused"),
        (b"HTTP/1.1 302 Found\r\nLocation: /again", "redirect_refused"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://[bad", "redirect_refused"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip", "bad_answer"),
        (b"HTTP/1.1 500 Oops", "http_500"),
        (b"SSH-2.0-OpenSSH", "unreachable"),
    ],
)
async def test_an_answer_of_the_wrong_kind_is_refused(
    tools: ToolRunner, head: bytes, code: str
) -> None:
    with raw_server(head + b"\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}") as url:
        result = failed(await run_tool(tools, plain_tool(f"{url}/x", url)))
    assert result.error.code == code


async def test_a_redirect_within_the_same_origin_is_followed(
    tools: ToolRunner, service: str
) -> None:
    # The framework redirects a trailing slash by itself.
    tool = plain_tool(f"{service}/hours/", service)
    assert isinstance(await run_tool(tools, tool), ToolSucceeded)


async def test_arguments_cannot_bend_the_url(tools: ToolRunner, service: str) -> None:
    tool = plain_tool(
        f"{service}/accounts/{{{{ account }}}}/balance",
        service,
        parameters={"type": "object", "properties": {"account": {"type": "string"}}},
    )
    for account in ("../hours?x=", "44172908/balance#", "//evil.example/", "%2e%2e"):
        result = failed(await run_tool(tools, tool, account=account))
        assert result.error.code == "http_404", account
    for account in ("..", ".", ""):
        assert failed(await run_tool(tools, tool, account=account)).error.code == "bad_template"


async def test_a_secret_travels_in_a_header_and_nowhere_else(tools: ToolRunner) -> None:
    seen: list[dict[bytes, bytes]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            seen.append(dict(scope["headers"]))
            start = {"type": "http.response.start", "status": 403, "headers": []}
            await send(start)
            await send({"type": "http.response.body", "body": b"{}"})

    environment = {"TRUNKLINE_SECRET_ENERGY_KEY": "s3cr3t", "TRUNKLINE_API_KEY": "other"}
    with serving(app) as url:
        transport = HttpTransport(
            "GET",
            compile_prompt(f"{url}/x"),
            headers={"Authorization": compile_prompt("Bearer {{ secrets.energy_key }}")},
            allowed_hosts=(url,),
        )
        tool = plain_tool(url, transport=transport)
        async with ToolRunner(secrets=secrets_from(environment)) as knowing:
            result = failed(await run_tool(knowing, tool))
        unknowing = failed(await run_tool(tools, tool))
    assert [headers.get(b"authorization") for headers in seen] == [b"Bearer s3cr3t"]
    assert "s3cr3t" not in str(result.result)
    assert unknowing.error.code == "bad_template"
    assert "energy_key" in unknowing.error.message
