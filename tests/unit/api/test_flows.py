"""Flows over REST: drafts with preconditions, publishing, canaries, diffs, tools."""

from __future__ import annotations

import httpx
import pytest
from tests.unit.api.conftest import Api
from tests.unit.calls.flow_texts import BROKEN, shop

from trunkline.flows.catalog import SHIPPED_AGENTS
from trunkline.flows.schema.loader import flow_version
from trunkline.storage.audit import Audit

SHOP = "/api/v1/flows/kiosk"
HELLO, HI = shop("Hello."), shop("Hi.")


async def save(api: Api, text: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await api.http.put(f"{SHOP}/draft", json={"text": text}, headers=named)


async def publish(api: Api, text: str) -> str:
    assert (await save(api, text, if_match="*")).status_code == 200
    answer = await api.http.post(f"{SHOP}/publish", json={"note": "because"})
    assert answer.status_code == 200, answer.text
    return flow_version(text)


async def test_a_draft_is_saved_read_and_discarded_by_its_etag(api: Api) -> None:
    saved = await save(api, HELLO, if_none_match="*")
    assert saved.status_code == 200 and saved.headers["etag"] == '"1"'
    read = await api.http.get(f"{SHOP}/draft")
    assert read.json()["text"] == HELLO and read.headers["etag"] == '"1"'
    assert (await save(api, HI, if_match='"1"')).headers["etag"] == '"2"'
    gone = await api.http.delete(f"{SHOP}/draft", headers={"if-match": '"2"'})
    assert gone.status_code == 204
    assert (await api.http.get(f"{SHOP}/draft")).json()["code"] == "draft_not_found"


async def test_a_change_that_names_no_state_is_asked_for_one(api: Api) -> None:
    assert (await save(api, HELLO)).status_code == 428
    assert (await api.http.delete(f"{SHOP}/draft")).status_code == 428
    assert (await save(api, HELLO, if_match="latest")).status_code == 422
    assert (await api.http.get(f"{SHOP}/draft")).status_code == 404


async def test_of_two_who_edit_at_once_the_second_is_told_what_the_first_did(api: Api) -> None:
    await save(api, HELLO, if_none_match="*")
    await save(api, HI, if_match='"1"')
    refused = await save(api, shop("Good day."), if_match='"1"')
    assert refused.status_code == 412 and refused.json()["code"] == "draft_changed"
    conflict = refused.json()["conflict"]
    assert (conflict["based_on"], conflict["current_revision"]) == (1, 2)
    assert conflict["current"] == HI and conflict["saved_by"] == "TRUNKLINE_API_KEY"
    assert any(line.startswith("+") and "Good day." in line for line in conflict["diff"])
    assert any(line.startswith("+") and "Hi." in line for line in conflict["meanwhile"])
    late = await api.http.post(f"{SHOP}/publish", json={"revision": 1})
    assert late.status_code == 409 and late.json()["conflict"]["current_revision"] == 2


async def test_every_mistake_is_told_at_once_and_none_is_published(api: Api) -> None:
    await save(api, BROKEN, if_none_match="*")
    examined = (await api.http.post(f"{SHOP}/validate", json={})).json()
    assert not examined["is_publishable"]
    assert len([one for one in examined["findings"] if one["severity"] == "error"]) >= 2
    refused = await api.http.post(f"{SHOP}/publish", json={})
    assert refused.status_code == 422 and refused.json()["code"] == "flow_refused"
    assert refused.json()["findings"] == examined["findings"]
    sound = await api.http.post(f"{SHOP}/validate", json={"text": HELLO})
    assert sound.json()["is_publishable"] and sound.json()["version"] == flow_version(HELLO)


async def test_what_is_published_serves_at_once_and_is_in_the_history(api: Api) -> None:
    first, second = await publish(api, HELLO), await publish(api, HI)
    now = (await api.http.get(SHOP)).json()
    assert (
        now["version"] == second and now["is_published"] and now["display_name"] == "Corner Kiosk"
    )
    restored = await api.http.post(f"{SHOP}/restore", json={"version": first})
    assert restored.json()["publication"]["kind"] == "restored"
    assert (await api.http.get(SHOP)).json()["version"] == first
    assert (await api.http.post(f"{SHOP}/withdraw", json={})).status_code == 200
    assert (await api.http.get(SHOP)).json()["version"] is None
    page = (await api.http.get(f"{SHOP}/history?limit=2")).json()
    rest = await api.http.get(f"{SHOP}/history?before={page['next_before']}")
    kinds = [one["kind"] for one in page["publications"] + rest.json()["publications"]]
    assert kinds == ["withdrawn", "restored", "published", "published"]
    async with api.sessions.reading() as session:
        actions = [link.action for link in await Audit(session).latest()]
    assert actions[:2] == ["flow.withdrawn", "flow.restored"]


async def test_a_hand_off_to_nobody_is_not_published_and_one_to_who_serves_is(api: Api) -> None:
    handing = HELLO.replace("{say: Goodbye., hang_up: done}", "{handoff: annex}")
    await save(api, handing, if_none_match="*")
    refused = await api.http.post(f"{SHOP}/publish", json={})
    assert refused.status_code == 422
    assert [one["code"] for one in refused.json()["findings"]][:1] == ["unknown_agent"]
    await api.http.put(
        "/api/v1/flows/annex/draft", json={"text": shop("Annex.", "annex")},
        headers={"if-none-match": "*"},
    )  # fmt: skip
    assert (await api.http.post("/api/v1/flows/annex/publish", json={})).status_code == 200
    again = await api.http.post(f"{SHOP}/publish", json={})
    assert again.status_code == 200, again.text


async def test_versions_are_read_as_json_and_as_the_very_yaml(api: Api) -> None:
    first, second = await publish(api, HELLO), await publish(api, HI)
    listed = (await api.http.get(f"{SHOP}/versions")).json()["versions"]
    assert [(one["version"], one["number"]) for one in listed] == [(second, 2), (first, 1)]
    one = await api.http.get(f"{SHOP}/versions/{first}")
    assert one.json()["text"] == HELLO and one.json()["note"] == "because"
    plain = await api.http.get(f"{SHOP}/versions/{first}?format=yaml")
    assert plain.text == HELLO and plain.headers["content-type"].startswith("application/yaml")
    changed = (await api.http.get(f"{SHOP}/diff?old={first}&new=serving")).json()["lines"]
    assert [one["text"].strip() for one in changed if one["change"] == "added"] == [
        'hello: {say: "Hi.", next: bye}'
    ]
    assert (await api.http.get(f"{SHOP}/versions/abc")).json()["code"] == "version_not_found"


async def test_a_canary_is_set_changed_stopped_and_promoted(api: Api) -> None:
    first = await publish(api, HELLO)
    await save(api, HI, if_match="*")
    for percent in (5, 20):
        done = await api.http.post(f"{SHOP}/canary", json={"percent": percent})
        assert done.status_code == 200
    canary = (await api.http.get(SHOP)).json()["canary"]
    assert canary == {"version": flow_version(HI), "percent": 20}
    assert (await api.http.post(f"{SHOP}/canary/stop", json={})).status_code == 200
    assert (await api.http.post(f"{SHOP}/canary/stop", json={})).json()["code"] == "no_canary"
    assert (await api.http.get(SHOP)).json()["version"] == first
    await api.http.post(f"{SHOP}/canary", json={"percent": 1, "version": flow_version(HI)})
    done = await api.http.post(f"{SHOP}/canary/promote", json={})
    assert done.json()["publication"]["serving"]["stable"] == flow_version(HI)


async def test_the_list_names_files_publications_and_mere_drafts(api: Api) -> None:
    await save(api, BROKEN, if_none_match="*")
    flows = {one["agent"]: one for one in (await api.http.get("/api/v1/flows")).json()["flows"]}
    assert flows["energy"]["version"] and not flows["energy"]["is_published"]
    assert flows["kiosk"]["version"] is None and flows["kiosk"]["draft"]["revision"] == 1
    assert (await api.http.get("/api/v1/flows/nobody")).json()["code"] == "agent_not_found"


async def test_a_dry_run_shows_the_request_and_names_the_wrong_argument(api: Api) -> None:
    tools = (await api.http.get("/api/v1/flows/energy/tools")).json()["tools"]
    tool = next(one for one in tools if "account" in one["parameters"]["properties"])
    path = f"/api/v1/flows/energy/tools/{tool['name']}/dry-run"
    wrong = await api.http.post(path, json={"arguments": {"account": 10**30}})
    assert wrong.status_code == 422 and wrong.json()["param"] == "arguments"
    wrong = await api.http.post(path, json={"arguments": {"account": True}})
    assert wrong.status_code == 422 and wrong.json()["param"].startswith("arguments")
    read = next(one for one in tools if one["parameters"].get("required") == ["account"])
    path = f"/api/v1/flows/energy/tools/{read['name']}/dry-run"
    shown = await api.http.post(path, json={"arguments": {"account": "44172908"}})
    assert shown.status_code == 200, shown.text
    assert "44172908" in shown.json()["http"]["url"]
    nobody = await api.http.post(f"{SHOP}/tools/nothing/dry-run", json={})
    assert nobody.status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "draft", "flows:read"),
        ("GET", "history", "flows:read"),
        ("PUT", "draft", "flows:write"),
        ("POST", "validate", "flows:write"),
        ("POST", "publish", "flows:publish"),
        ("POST", "canary", "flows:publish"),
    ],
)
async def test_a_key_does_what_its_scope_says(api: Api, method: str, path: str, scope: str) -> None:
    others = {"flows:read", "flows:write", "flows:publish"} - {scope}
    body = {"text": HELLO} if method == "PUT" else {"percent": 5} if path == "canary" else {}
    for scopes, is_allowed in (((scope,), True), (tuple(others), False)):
        headers = {**await api.key(*scopes), "if-match": "*"}
        answer = await api.http.request(
            method, f"{SHOP}/{path}", json=None if method == "GET" else body, headers=headers
        )
        assert (answer.status_code != 403) is is_allowed, answer.text


async def test_a_draft_is_compared_with_the_file_that_it_would_replace(api: Api) -> None:
    text = (SHIPPED_AGENTS / "energy.yaml").read_text()
    changed = text.replace("Brightwater", "Northlight")
    saved = await api.http.put(
        "/api/v1/flows/energy/draft", json={"text": changed}, headers={"if-none-match": "*"}
    )
    assert saved.status_code == 200
    lines = (await api.http.get("/api/v1/flows/energy/diff")).json()["lines"]
    added = [one["text"] for one in lines if one["change"] == "added"]
    assert added and all("Northlight" in line for line in added)
