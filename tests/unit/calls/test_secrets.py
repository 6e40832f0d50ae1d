"""A number that is keyed in secretly: the tool gets it, and nothing that is kept has it."""

from __future__ import annotations

import logging
import wave
from array import array

import numpy as np
import pytest
from tests.fakes.scene import Scene, scene
from tests.fakes.virtual_time import run_virtual
from tests.fakes.voices import voiced

from trunkline.calls.fact_json import document_bytes, encode_fact
from trunkline.calls.withholding import WITHHELD, ComfortNoise, Withholding
from trunkline.domain.audio import AudioFormat
from trunkline.domain.events import CallerPartial, ToolRan
from trunkline.domain.turn import TurnKind
from trunkline.flows.schema.loader import load_flow
from trunkline.model.script import Script

CARD = "41119384"
FLOW = load_flow(
    """
agent: {name: till, display_name: Till}
start: hello
tools:
  charge:
    description: Charge a card.
    parameters: {type: object, properties: {number: {type: string}}, required: [number]}
    http: {method: POST, url: "https://pay.example.org/charge", body: {number: "{{ number }}"}}
steps:
  hello: {say: Welcome to the till., next: card}
  card:
    collect:
      card:
        kind: digits
        min_length: 8
        max_length: 8
        description: card number
        ask: Please key in your card.
        confirm: never
        keypad_only: true
        secret: true
    next: charge
  charge:
    tool: charge
    arguments: {number: "{{ card }}"}
    save_as: receipt
    next: more
  more:
    say: That is paid. Is there more?
    listen: {intents: [bye]}
  bye: {say: Goodbye., hang_up: done}
intents:
  bye: {label: bye, description: No more., examples: [no thanks], goto: bye}
""",
    environment={},
)
SCRIPT = Script.model_validate(
    {
        "transcripts": ["four one one one nine three eight four", "no thanks"],
        "replies": [
            {"match": "four one one", "text": "Please key it in."},
            {"match": "no thanks", "tool": {"name": "intent_bye"}},
        ],
    }
)


def tone(ms: int, rate_hz: int = 8000) -> bytes:
    """The key 4 as a trunk sends it in the audio: 770 and 1209 Hz (ITU-T Q.23), -12 dBFS."""
    at = np.arange(ms * rate_hz // 1000) / rate_hz
    wave_form = np.sin(2 * np.pi * 770 * at) + np.sin(2 * np.pi * 1209 * at)
    return bytes((wave_form * 4096).astype("<i2").tobytes())


def caller_channel(call: Scene) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    (path,) = call.data_dir.rglob("*.wav")
    with wave.open(str(path)) as recording:
        samples = np.frombuffer(recording.readframes(recording.getnframes()), dtype="<i2")
    return np.asarray(samples[::2], dtype=np.int16)


def peak(samples: np.ndarray[tuple[int], np.dtype[np.int16]]) -> int:
    return int(np.abs(samples.astype(np.int32)).max())


async def hold_card_call(call: Scene) -> None:
    call.tools.answers["charge"] = {"receipt": f"charged {CARD}", CARD: [CARD]}
    await call.heard("key in your card")
    call.leg.say(voiced(1500))  # reads the number out, which nobody asked for
    await call.heard("Please key it in.")
    for digit in CARD:
        call.leg.say(tone(100))
        call.leg.press(digit)
        await call.leg.until(lambda: call.leg.is_caller_done)
    await call.heard("Is there more")
    call.leg.say(voiced(700))
    await call.over()


def test_a_secret_reaches_its_tool_and_nothing_that_is_kept(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    async def play() -> None:
        async with scene(SCRIPT, flow=FLOW) as call:
            await hold_card_call(call)
            assert [dict(arguments) for _, arguments, _ in call.tools.ran] == [{"number": CARD}]
            (ran,) = call.facts(ToolRan)
            assert str(ran.arguments["number"]).startswith("secret:card:")
            (digits,) = [turn for turn in call.turns if turn.kind is TurnKind.DIGITS]
            assert digits.text == WITHHELD
            facts = b"\n".join(document_bytes(encode_fact(fact)) for fact in call.sink.facts)
            logged = b"".join(path.read_bytes() for path in call.data_dir.rglob("*.jsonl"))
            sent = repr(call.endpoint.sessions).encode()
            for kept in (facts, logged, sent):
                assert CARD.encode() not in kept
                assert b"four one one one" not in kept
            partials = " ".join(fact.text for fact in call.facts(CallerPartial))
            assert "four" not in partials

    with caplog.at_level(logging.DEBUG):
        run_virtual(play())
    told = capfd.readouterr()
    assert CARD not in caplog.text + told.out + told.err


def test_the_recording_has_noise_for_the_caller_while_a_secret_is_gathered() -> None:
    async def play() -> None:
        async with scene(SCRIPT, flow=FLOW) as call:
            await hold_card_call(call)
            masks = [line for line in call.log if line["event"] == "caller_masked"]
            assert [line["is_masked"] for line in masks] == [True, False]
            heard = caller_channel(call)
            starts, ends = (line["at_ms"] * 8 for line in masks)
            late = ends + 8 * 1000
            assert 0 < peak(heard[starts + 800 : late - 800]) <= 16
            assert peak(heard[late + 800 :]) > 500  # what is said afterwards is there again

    run_virtual(play())


def test_what_began_or_ended_within_a_window_is_withheld() -> None:
    windows = Withholding()
    windows.begin(1000)
    assert windows.covers(500, 1000) and not windows.covers(500, 999)
    windows.end(2000)
    assert windows.covers(2999, 9000) and not windows.covers(3000, 9000)
    assert windows.is_near(12_999) and not windows.is_near(13_000)


def test_many_windows_are_joined_and_never_forgotten() -> None:
    windows = Withholding()
    for at_ms in range(0, 4_000_000, 4000):
        windows.begin(at_ms)
        windows.end(at_ms + 500)
        assert windows.covers(100, 200)
    assert len(windows.windows) <= 257


def test_noise_replaces_the_caller_and_leaves_the_agent() -> None:
    audio = AudioFormat(8000)
    size = audio.bytes_per_frame
    pairs = (b"\x01\x20" * (size // 2) + b"\x02\x30" * (size // 2)) * 3
    masked = ComfortNoise(audio).over(pairs)
    assert len(masked) == len(pairs)
    for at in range(0, len(pairs), 2 * size):
        caller = array("h", masked[at : at + size])
        assert max(map(abs, caller)) <= 16 and len(set(caller)) > 8
        assert masked[at + size : at + 2 * size] == b"\x02\x30" * (size // 2)
