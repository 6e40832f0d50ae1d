from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from redis.asyncio import Redis
from starlette.routing import Mount, Route
from tests.unit.api.conftest import Api, ToldEdges

from trunkline.api.app import create_api
from trunkline.api.deps import ApiDeps
from trunkline.flows.catalog import FlowCatalog
from trunkline.storage.engine import open_sessions


async def test_health_needs_no_key(api: Api) -> None:
    api.http.headers.pop("authorization")
    assert (await api.http.get("/healthz")).json() == {"process": "web", "alive": True}
    assert b"process_max_fds" in (await api.http.get("/metrics")).content


async def test_not_ready_says_what_is_away(api: Api) -> None:
    answer = await api.http.get("/readyz")
    assert answer.status_code == 503
    assert set(answer.json()["problems"]) == {"redis"}


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/api/v1/nothing", 404, None),
        ("GET", "/api/", 404, None),
        ("PUT", "/api/v1/calls", 405, "GET, POST"),
        ("PATCH", "/api/v1/keys", 405, "GET, POST"),
        ("OPTIONS", "/api/v1/keys", 405, "GET, POST"),
        ("GET", "/api/v1/calls/call_x/hangup", 405, "POST"),
    ],
)
async def test_the_end_of_the_api_is_a_problem_and_not_a_page(
    api: Api, method: str, path: str, status: int, allow: str | None
) -> None:
    answer = await api.http.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers.get("allow") == allow


async def test_pages_behind_the_api_get_what_is_not_the_apis(tmp_path: Path) -> None:
    async def page(_: object) -> PlainTextResponse:
        return PlainTextResponse("a page")

    def pages(app: FastAPI) -> AbstractAsyncContextManager[None]:
        app.router.routes.append(Mount("/", routes=[Route("/{path:path}", page)]))
        return nullcontext()

    sessions = open_sessions(f"sqlite+aiosqlite:///{tmp_path / 'none.db'}")
    deps = ApiDeps(
        sessions=sessions,
        redis=Redis.from_url(f"unix://{tmp_path}/nobody.sock"),
        catalog=FlowCatalog([], {}),
        commands=ToldEdges(),
        data_dir=tmp_path,
        authority_file=tmp_path / "authority.json",
    )
    transport = httpx.ASGITransport(app=create_api(deps, pages))
    async with httpx.AsyncClient(transport=transport, base_url="http://trunkline") as http:
        assert (await http.get("/calls")).text == "a page"
        assert (await http.get("/api/nowhere")).status_code == 404
    await sessions.close()


async def test_a_database_that_is_away_is_a_problem_without_its_words(api: Api) -> None:
    await api.sessions.close()
    (api.data_dir / "trunkline.db").unlink()
    secret = "what the caller said"
    answer = await api.http.get("/api/v1/calls", params={"text": secret})
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_away")
    assert secret not in answer.text


async def test_the_description_names_every_route_and_its_problems(api: Api) -> None:
    described = (await api.http.get("/openapi.json")).json()
    assert set(described["paths"]) == {
        "/api/v1/approval-links/decide",
        "/api/v1/approval-links/keys",
        "/api/v1/approval-links/look",
        "/api/v1/approval-policies",
        "/api/v1/approval-policies/house",
        "/api/v1/approval-policies/house/versions",
        "/api/v1/approvals",
        "/api/v1/approvals/{approval_id}",
        "/api/v1/approvals/{approval_id}/begin",
        "/api/v1/approvals/{approval_id}/claim",
        "/api/v1/approvals/{approval_id}/edit",
        "/api/v1/approvals/{approval_id}/escalate",
        "/api/v1/approvals/{approval_id}/finish",
        "/api/v1/approvals/{approval_id}/grant",
        "/api/v1/approvals/{approval_id}/news",
        "/api/v1/approvals/{approval_id}/refuse",
        "/api/v1/approvals/{approval_id}/release",
        "/api/v1/approvals/{approval_id}/settle",
        "/api/v1/approvals/{approval_id}/withdraw",
        "/api/v1/callbacks",
        "/api/v1/callbacks/{callback_id}/done",
        "/api/v1/calls",
        "/api/v1/calls/{call_id}",
        "/api/v1/calls/{call_id}/approvals",
        "/api/v1/calls/{call_id}/cancel",
        "/api/v1/calls/{call_id}/events",
        "/api/v1/calls/{call_id}/hangup",
        "/api/v1/calls/{call_id}/recording",
        "/api/v1/calls/{call_id}/recording/tail",
        "/api/v1/calls/{call_id}/take-over",
        "/api/v1/calls/{call_id}/take-overs",
        "/api/v1/escalations",
        "/api/v1/escalations/{escalation_id}",
        "/api/v1/escalations/{escalation_id}/acknowledge",
        "/api/v1/escalations/{escalation_id}/release",
        "/api/v1/escalations/{escalation_id}/resolve",
        "/api/v1/flows",
        "/api/v1/flows/{agent}",
        "/api/v1/flows/{agent}/canary",
        "/api/v1/flows/{agent}/canary/promote",
        "/api/v1/flows/{agent}/canary/stop",
        "/api/v1/flows/{agent}/diff",
        "/api/v1/flows/{agent}/draft",
        "/api/v1/flows/{agent}/history",
        "/api/v1/flows/{agent}/publish",
        "/api/v1/flows/{agent}/restore",
        "/api/v1/flows/{agent}/tools",
        "/api/v1/flows/{agent}/tools/{tool}/dry-run",
        "/api/v1/flows/{agent}/validate",
        "/api/v1/flows/{agent}/versions",
        "/api/v1/flows/{agent}/versions/{version}",
        "/api/v1/flows/{agent}/withdraw",
        "/api/v1/keys",
        "/api/v1/keys/{key_id}",
        "/api/v1/live",
        "/api/v1/placements",
        "/api/v1/placements/spend",
        "/api/v1/trunks",
        "/api/v1/usage",
        "/api/v1/users",
        "/api/v1/users/{user_id}",
        "/api/v1/users/{user_id}/password",
        "/api/v1/webhooks",
        "/api/v1/webhooks/{webhook_id}",
        "/api/v1/webhooks/{webhook_id}/deliveries",
        "/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}",
        "/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
    }
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            # Whoever holds a link needs no key: what we signed is what they show.
            by_link = path in ("/api/v1/approval-links/look", "/api/v1/approval-links/decide")
            refusals = {"403", "422", "429"} if by_link else {"401", "403", "422", "429"}
            assert refusals <= operation["responses"].keys(), (path, method)
            assert bool(operation.get("security")) is not by_link, (path, method)
    assert {"Problem", "Complaint", "OneCallOut"} <= described["components"]["schemas"].keys()


async def test_flows_are_listed(api: Api) -> None:
    found = (await api.http.get("/api/v1/flows")).json()
    assert "energy" in {flow["agent"] for flow in found["flows"]}
    assert found["problems"] == []


async def test_a_webhook_is_made_listed_and_removed(api: Api) -> None:
    wanted = {"url": "https://example.org/hook", "events": ["call.ended"]}
    made = await api.http.post("/api/v1/webhooks", json=wanted)
    assert made.status_code == 201
    assert made.json()["signing_secret"].startswith("whsec_")
    assert (await api.http.get("/api/v1/webhooks")).json() == [made.json()]
    path = f"/api/v1/webhooks/{made.json()['webhook_id']}"
    assert (await api.http.delete(path)).status_code == 204
    assert (await api.http.delete(path)).status_code == 404


@pytest.mark.parametrize(
    "wanted",
    [
        {"url": "file:///etc/passwd", "events": ["call.ended"]},
        {"url": "https://example.org", "events": ["nothing"]},
        {"url": "https://example.org", "events": []},
        {"url": "https://example.org"},
    ],
)
async def test_a_webhook_that_makes_no_sense_is_not_made(
    api: Api, wanted: dict[str, object]
) -> None:
    assert (await api.http.post("/api/v1/webhooks", json=wanted)).status_code == 422
