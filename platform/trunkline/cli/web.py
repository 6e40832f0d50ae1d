"""The web process: the REST API with the dashboard mounted on it."""

from __future__ import annotations

import uvicorn

from trunkline.api.server import create_web_app
from trunkline.dashboard.app import mount
from trunkline.runtime.settings import Settings


async def serve(settings: Settings) -> int:
    """Until SIGTERM; uvicorn lets running requests end within ten seconds."""
    server = uvicorn.Server(
        uvicorn.Config(
            create_web_app(settings, mount),
            host=settings.web_bind_address,
            port=settings.web_port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=5,
            proxy_headers=False,
            server_header=False,
        )
    )
    await server.serve()
    return 0
