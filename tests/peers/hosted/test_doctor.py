"""``trunkline doctor`` on engines elsewhere: everything is looked at, nothing is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.fakes.far_end import Answer, FarEnd, far_end

from trunkline.cli.doctor_engines import far_ends, unserved_agents
from trunkline.cli.findings import Finding, Status
from trunkline.flows.schema.loader import load_flow
from trunkline.runtime.settings import Settings

pytestmark = pytest.mark.peers
MODELS = "/v1/models"
KEY = "sk-of-the-doctor"


def models(*names: str) -> Answer:
    data = {"data": [{"id": name} for name in names]}
    return Answer(content_type="application/json", chunks=(orjson.dumps(data),))


async def looked_at(server: FarEnd, **settings: Any) -> dict[str, Finding]:
    found = await far_ends(Settings(**settings))
    assert all(KEY not in str(finding) for finding in found)
    assert {request.path for request in server.requests} <= {MODELS}
    assert all(not request.body for request in server.requests)
    return {finding.subject: finding for finding in found}


async def test_a_far_end_that_knows_us_and_the_model_is_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCTORS_KEY", KEY)
    async with far_end() as server:
        server.answers(MODELS, models("gpt", "tts"))
        port = {"base_url": server.base_url, "key_env": "DOCTORS_KEY"}
        found = await looked_at(
            server,
            engine="cascade-hosted",
            fallback_engine="upstream",
            hosted={"chat": {**port, "model": "gpt"}, "speech": {**port, "model": "missing"}},
            upstream={**port, "model": "gpt"},
        )
        keys = {request.headers["authorization"] for request in server.requests}
    assert keys == {f"Bearer {KEY}"}
    assert found["[hosted.chat]"].status is Status.OK
    assert found["[upstream]"].status is Status.OK
    assert found["[hosted.speech]"].status is Status.WARN
    assert "missing" in found["[hosted.speech]"].detail


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (Answer(401, "application/json", chunks=(b"{}",)), Status.FAIL, "refuses our key"),
        (Answer(404, "text/html", chunks=(b"<html>",)), Status.WARN, "no list of models"),
        (Answer(302, headers={"location": "http://169.254.169.254/"}), Status.WARN, "302"),
        (Answer(200, "text/html", chunks=(b"<html>",)), Status.OK, ""),
    ],
    ids=["401", "404", "redirect", "html"],
)
async def test_a_far_end_that_answers_otherwise_is_told_as_it_is(
    answer: Answer, status: Status, words: str
) -> None:
    async with far_end() as server:
        server.answers(MODELS, answer)
        found = await looked_at(
            server,
            engines=("upstream",),
            upstream={"base_url": server.base_url, "model": "gpt"},
        )
    assert found["[upstream]"].status is status
    assert words in found["[upstream]"].detail


async def test_what_is_missing_is_named_before_anybody_is_asked(tmp_path: Path) -> None:
    async with far_end() as server:
        port = {"base_url": server.base_url, "model": "gpt", "key_file": tmp_path / "none"}
        found = await looked_at(
            server,
            engines=("upstream", "cascade-hosted", "nonsense"),
            hosted={"chat": port},
        )
        assert not server.requests
    assert "cannot be read" in found["[hosted.chat]"].detail
    assert "not configured" in found["engine upstream"].detail
    assert "cascade-hosted" in found["engine nonsense"].advice
    assert all(finding.status is Status.FAIL for finding in found.values())


async def test_nobody_at_the_address_is_told() -> None:
    async with far_end() as server:
        pass
    hosted = {"chat": {"base_url": server.base_url, "model": "gpt"}}
    found = await looked_at(server, engine="cascade-hosted", hosted=hosted)
    assert "does not answer" in found["[hosted.chat]"].detail


async def test_an_engine_that_would_ask_itself_is_told_so() -> None:
    async with far_end() as server:
        server.answers(MODELS, models("cascade"))
        own = {"base_url": server.base_url}
        found = await looked_at(
            server,
            model_url=server.base_url,
            engine="cascade-hosted",
            engines=("cascade",),
            hosted={"transcription": {**own, "model": "whisper-1"},
                    "speech": {**own, "model": "cascade"}},
        )  # fmt: skip
    assert "leads back" in found["[hosted.transcription]"].detail
    assert found["[hosted.speech]"].status is Status.OK


def test_an_agent_whose_engine_does_not_run_is_named() -> None:
    flow = load_flow(
        "agent: {name: far, display_name: Far, engine: upstream}\n"
        "start: bye\nsteps: {bye: {hang_up: done}}\n",
        environment={},
    )
    (finding,) = unserved_agents(Settings(), (flow,))
    assert finding.subject == "agent far"
    assert "'upstream', which the model server does not run" in finding.detail
    assert not unserved_agents(Settings(engines=("upstream",)), (flow,))
