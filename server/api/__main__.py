"""``python -m server.api --settings FILE``: one process, one worker, stopped by SIGTERM or SIGINT within three seconds."""

import socket
import sys
from threading import Event

import uvicorn

from config.base.errors import Unavailable
from config.base.logs import get_logger
from config.settings.server import ServerSettings
from server.api.app import application
from server.api.parts import Parts, build
from server.runtime import main, settle_memory

CONCURRENCY_MAX = 512
GRACEFUL_S = 2
KEEP_ALIVE_S = 15


class Server(uvicorn.Server):
    """Ends open event streams as soon as it is told to stop: they would hold the process otherwise."""

    def __init__(self, config: uvicorn.Config, parts: Parts) -> None:
        super().__init__(config)
        self._parts = parts

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._parts.stopping.set()
        await super().shutdown(sockets)


def run(settings: ServerSettings, _stop: Event) -> None:
    """Answers until a signal comes; uvicorn listens for it itself."""
    log = get_logger("api")
    parts = build(settings)
    config = uvicorn.Config(
        application(parts),
        host=settings.api.host,
        port=settings.api.port,
        ws="none",
        ssl_certfile=settings.api.certificate_file or None,
        access_log=False,
        log_config=None,
        server_header=False,
        # Addresses from X-Forwarded-For are believed only where a proxy is declared, and only from this machine.
        proxy_headers=bool(settings.api.public_origin),
        limit_concurrency=CONCURRENCY_MAX,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACEFUL_S,
    )
    log.info("api_starting", host=settings.api.host, port=settings.api.port)
    server = Server(config, parts)
    settle_memory()
    server.run()
    if not server.started:
        raise Unavailable("the API could not start; the line before says why")
    log.info("api_stopped")


if __name__ == "__main__":
    sys.exit(main("api", run))
