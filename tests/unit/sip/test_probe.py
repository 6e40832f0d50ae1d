from __future__ import annotations

import asyncio

from trunkline.sip.config import CODECS
from trunkline.sip.probe import codec_names


async def test_the_binding_offers_every_codec_we_speak() -> None:
    names = await asyncio.to_thread(codec_names)
    for codec in CODECS:
        assert any(name.startswith(f"{codec}/") for name in names), codec
