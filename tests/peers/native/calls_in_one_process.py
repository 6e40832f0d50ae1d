"""Two pjsua2 legs that call each other, with tones both ways; prints what happened as JSON.

Run as a program: a process has one Endpoint, and it must be destroyed in order.
"""

from __future__ import annotations

import gc
import json
import select
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pjsua2 as pj

from trunkline.audio.g711 import ulaw_to_pcm

# "exact" is a call whose ports and codec have one rate, which is not the bridge's.
RATE_HZ = 8000 if sys.argv[1:] == ["exact"] else 16000
DEADLINE_S = 20.0
TONES_HZ = (440.0, 1000.0)


class Leg(pj.Call):
    """A leg that plays its own tone and keeps both channels of its pairs."""

    def __init__(self, account: pj.Account, tone_hz: float, call_id: int = -1) -> None:
        super().__init__(account, call_id)
        self.port = pj.RingAudioPort()
        self.port.create("leg", RATE_HZ)
        second = np.arange(RATE_HZ) / RATE_HZ
        self.tone = (8000 * np.sin(2 * np.pi * tone_hz * second)).astype("<i2").tobytes()
        self.written = 0
        self.pairs = bytearray()
        self.media_updates = 0
        self.media_status = -1
        self.is_over = False

    def onCallState(self, prm: pj.OnCallStateParam) -> None:
        self.is_over = self.getInfo().state == pj.PJSIP_INV_STATE_DISCONNECTED

    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:
        self.media_status = self.getInfo().media[0].status
        if self.media_status in (pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD):
            stream = self.getAudioMedia(-1)
            stream.startTransmit(self.port)
            self.port.startTransmit(stream)
        self.media_updates += 1

    def pump(self) -> None:
        self.pairs += self.port.read(1 << 20)
        if self.port.txQueuedBytes() < RATE_HZ // 5:
            at = self.written % len(self.tone)
            self.written += self.port.write(self.tone[at : at + RATE_HZ // 5])

    def channel(self, index: int, last_pairs: int) -> np.ndarray[Any, np.dtype[np.float64]]:
        pair_samples = self.port.pairBytes() // 2
        pairs = np.frombuffer(bytes(self.pairs), "<i2").reshape(-1, 2, pair_samples // 2)
        return pairs[-last_pairs:, index].reshape(-1).astype(np.float64)

    def report(self) -> dict[str, Any]:
        stats = self.port.stats()
        sides = {}
        for index, side in enumerate(("caller", "agent")):
            sound = self.channel(index, 40)
            power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
            sides[side] = {
                "hz": float(np.fft.rfftfreq(len(sound), 1 / RATE_HZ)[int(power.argmax())]),
                "level": float(np.sqrt((sound**2).mean())),
            }
        return {
            **sides,
            "pairs": len(self.pairs) // self.port.pairBytes(),
            "unread": self.port.readableBytes() // self.port.pairBytes(),
            "ticks": stats.ticks,
            "dropped": stats.pairsDropped,
            "underruns": stats.underruns,
            "written": self.written,
            "played": stats.playedBytes,
            "flushed": stats.flushedBytes,
            "queued": self.port.txQueuedBytes(),
            "caller_missing": stats.callerMissing,
        }


class Callee(pj.Account):
    legs: list[Leg]

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:
        leg = Leg(self, TONES_HZ[1], prm.callId)
        self.legs.append(leg)
        leg.answer(audio_only(200))


def audio_only(status: int = 0) -> pj.CallOpParam:
    param = pj.CallOpParam(True)
    param.statusCode = status
    param.opt.audioCount, param.opt.videoCount, param.opt.textCount = 1, 0, 0
    return param


class House:
    """The endpoint, its account and the legs of the call that is up."""

    def __init__(self) -> None:
        self.endpoint = pj.Endpoint()
        pj.pj_log_set_level(0)
        self.endpoint.libCreate()
        config = pj.EpConfig()
        config.logConfig.level = config.logConfig.consoleLevel = 0
        config.uaConfig.threadCnt = 1
        media = config.medConfig
        media.clockRate, media.audioFramePtime, media.ecTailLen = 16000, 20, 0
        media.noVad, media.sndAutoCloseTime = True, -1
        self.endpoint.libInit(config)
        transport = pj.TransportConfig()
        transport.boundAddress = "127.0.0.1"
        self.endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
        self.endpoint.audDevManager().setNullDev()
        self.endpoint.libStart()
        for codec in self.endpoint.codecEnum2():
            priority = 255 if codec.codecId.startswith("PCMU") else 0
            self.endpoint.codecSetPriority(codec.codecId, priority)
        self.address = self.endpoint.transportGetInfo(0).localName
        account = pj.AccountConfig()
        account.idUri = f"sip:house@{self.address}"
        account.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
        account.mediaConfig.transportConfig.port = 0
        self.account = Callee()
        self.account.legs = []
        self.account.create(account)
        self.legs = self.account.legs

    def pump_until(self, is_reached: Callable[[], bool]) -> None:
        """Serves the rings from the eventfd, as the event loop does, until something is so."""
        ends = time.monotonic() + DEADLINE_S
        while not is_reached():
            if time.monotonic() > ends:
                raise TimeoutError("the calls did not get there")
            select.select([pj.RingAudioPort.eventFd()], [], [], 1.0)
            pj.RingAudioPort.clearEvent()
            for leg in list(self.legs):
                leg.pump()

    def pump_ticks(self, ticks: int) -> None:
        until = self.legs[0].port.stats().ticks + ticks
        self.pump_until(lambda: self.legs[0].port.stats().ticks >= until)

    def place_call(self) -> Leg:
        leg = Leg(self.account, TONES_HZ[0])
        self.legs.append(leg)
        leg.makeCall(f"sip:house@{self.address}", audio_only())
        self.pump_until(lambda: len(self.legs) == 2 and all(x.media_updates for x in self.legs))
        return leg

    def end_call(self) -> None:
        self.legs[0].hangup(pj.CallOpParam(True))
        self.pump_until(lambda: all(leg.is_over for leg in self.legs))
        self.legs.clear()

    def close(self) -> None:
        self.endpoint.hangupAllCalls()
        self.legs.clear()
        self.account.shutdown()
        del self.account
        gc.collect()
        self.endpoint.libDestroy()

    # --- scenarios ------------------------------------------------------------------------------

    def tones(self) -> list[dict[str, Any]]:
        caller = self.place_call()
        before = caller.port.stats().ticks, caller.getStreamStat(0).rtcp.txStat.pkt
        self.pump_ticks(100)
        sent = caller.getStreamStat(0).rtcp.txStat.pkt - before[1]
        ticked = caller.port.stats().ticks - before[0]
        return [leg.report() | {"sent": sent, "ticked": ticked} for leg in self.legs]

    def hold(self) -> list[dict[str, Any]]:
        caller = self.place_call()
        self.pump_ticks(50)
        reports = []
        updates = caller.media_updates
        caller.setHold(audio_only())
        self.pump_until(lambda: caller.media_updates > updates)
        self.pump_ticks(60)
        reports.append(caller.report())
        updates = caller.media_updates
        unhold = audio_only()
        unhold.opt.flag = pj.PJSUA_CALL_UNHOLD
        caller.reinvite(unhold)
        self.pump_until(lambda: caller.media_updates > updates)
        self.pump_ticks(60)
        reports.append(caller.report())
        return reports

    def pause(self) -> list[dict[str, Any]]:
        caller = self.place_call()
        self.pump_ticks(50)
        caller.port.pause()
        self.pump_ticks(50)
        reports = [caller.report()]
        self.pump_ticks(10)
        reports.append(caller.report())
        caller.port.resume()
        self.pump_ticks(50)
        reports.append(caller.report())
        return reports

    def exact(self) -> list[dict[str, Any]]:
        """Whether what one leg writes is in what the other hears, sample for sample."""
        caller = self.place_call()
        callee = self.legs[1]
        words = np.random.default_rng(7).integers(0, 256, RATE_HZ // 2, dtype=np.uint8)
        caller.tone = ulaw_to_pcm(words.tobytes()) * 2
        self.pump_ticks(120)
        heard = callee.channel(0, 60).astype("<i2").tobytes()
        piece = heard[len(heard) // 2 :][:320]
        return [leg.report() | {"is_exact": piece in caller.tone * 2} for leg in self.legs]

    def repeated(self) -> list[dict[str, Any]]:
        reports = []
        for _ in range(15):
            self.place_call()
            self.pump_ticks(50)
            reports += [leg.report() for leg in self.legs]
            self.end_call()
        return reports


def main() -> None:
    house = House()
    try:
        reports = getattr(house, sys.argv[1])()
    finally:
        house.close()
    sys.stdout.write(json.dumps(reports))


if __name__ == "__main__":
    main()
