"""Composition root of the live process: doors, demand, guard, and the line to the broker.

One process, one event loop; the database is asked in threads, and nothing else waits.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from threading import Event

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from config.base.clock import US_PER_S, Clock, SystemClock
from config.base.errors import NightlightError, Unavailable
from config.base.logs import get_logger
from config.settings.server import ServerSettings
from config.wire.live import FRAME_BYTES_MAX
from server.broker_tls import ServiceTls
from server.live.broker import Caller
from server.live.demand import Demand
from server.live.doors import NO_STORE, Doors
from server.live.links import HttpLink, WebSocketLink
from server.live.mediamtx import MediaMtx
from server.live.watching import LEASE_CHANGED, VIEWS_MAX, Watch
from server.runtime import open_database, signer_from
from server.services.agents.authority import LIVE
from server.services.agents.broker_files import CertificateFiles
from server.services.agents.enrolment_parts import server_url_of
from server.services.compliance.rule_books import library
from server.services.live.marking import marker_of
from server.services.live.pushes import PushDesk, PushLine
from server.services.live.standing import Standing
from server.services.live.tickets import TicketDesk
from server.services.live.views import ViewDesk
from server.services.people.leases import LeaseDesk
from server.services.people.steady_time import SteadyTime
from storage.database.unit_of_work import Database

PREFIX = "/stream"
PUSH_PATH = "/agent/v1/live"
HOOK_PATH = "/mediamtx/auth"
LOOK_FOR_AGENTS_S = 1.0
UNKNOWN_US_MAX = 3 * US_PER_S
CONNECTIONS_MAX = VIEWS_MAX + 1_000
GRACEFUL_S = 2
KEEP_ALIVE_S = 60
"""Longer than a slow player takes for a segment: a connection that was closed under it could not be cut any more."""
PING_S, PONG_S = 10.0, 15.0

log = get_logger("live")


class LiveServer:
    """What the process is made of; tests put it together themselves."""

    def __init__(self, settings: ServerSettings, database: Database, caller: Caller, clock: Clock) -> None:
        time = SteadyTime(database, clock)
        desk = LeaseDesk(database, time, library())
        marker = marker_of(settings)
        self.views = ViewDesk(database, clock, marker)
        standing = Standing(database, desk, self.views, time, clock)
        self.watch = Watch(clock, standing, TicketDesk(database, desk, time), self.views)
        self._pushes = PushDesk(database)
        self._clock = clock
        self._caller = caller
        self.demand = Demand(
            clock, push_url_of(settings), self._line, caller.say, marker.seed if marker is not None else _no_seed
        )
        secure = settings.api.public_origin.startswith("https://")
        cookie_name = "__Host-nightlight" if secure else "nightlight"
        self.doors = Doors(self.watch, self.demand, self._pushes, cookie_name, origin_of(settings))
        self.relay = MediaMtx(settings.live.mediamtx_api, self.watch, self._pushes, marker)
        self._tasks: list[asyncio.Task[None]] = []

    def application(self) -> Starlette:
        """What uvicorn serves."""
        return Starlette(
            routes=[
                WebSocketRoute(PUSH_PATH, self.doors.push),
                WebSocketRoute(f"{PREFIX}/ws", self.doors.view),
                Route(f"{PREFIX}/hls", self.doors.begin_hls, methods=["POST"]),
                Route(f"{PREFIX}/hls/{{view}}/{{name}}", self.doors.hls, methods=["GET"]),
                Route(HOOK_PATH, self.relay.hook, methods=["POST"]),
                Route("/healthz", self._healthz, methods=["GET"]),
            ],
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        with suppress(Unavailable):
            left = await self.watch.in_thread(self.views.abandon)
            log.info("views_left_open", views=left)
        self._tasks = [
            loop.create_task(work)
            for work in (self.watch.guard(), self.watch.watchdog(), self._look_for_agents(), self.relay.look())
        ]
        yield
        for task in self._tasks:
            task.cancel()
        self.demand.close()
        self.watch.close()
        await self.relay.close()

    async def _line(self, camera_id: str) -> PushLine:
        return await self.watch.in_thread(lambda: self._pushes.line(camera_id))

    async def _look_for_agents(self) -> None:
        """Ends the pushes of agents that were revoked or lost the camera, and views whose site changed its mind on marking."""
        while True:
            await asyncio.sleep(LOOK_FOR_AGENTS_S)
            lines, views = list(self.doors.pushing), [one.view for one in self.watch.running.values()]
            if not lines and not views:
                continue
            try:
                gone = await self.watch.in_thread(partial(self._pushes.gone, lines))
                changed = await self.watch.in_thread(partial(self.views.changed, views))
            except NightlightError as error:
                log.warning("agents_unknown", why=str(error))
                continue
            for view_id in changed & set(self.watch.running):
                self.watch.cut(self.watch.running[view_id], LEASE_CHANGED)
            for line in gone:
                if line in self.doors.pushing:
                    self.doors.pushing[line].end_push()

    async def _healthz(self, _request: Request) -> Response:
        """200 where the database answered within the last seconds; figures without anything personal."""
        silent_us = self._clock.monotonic_us() - self.watch.known_us
        good = silent_us < UNKNOWN_US_MAX
        told = {
            "status": "ok" if good else "database does not answer",
            "broker": self._caller.connected,
            "views": len(self.watch.running),
            "pushes": len(self.doors.pushing),
        }
        return JSONResponse(told, 200 if good else 503, headers=NO_STORE)


def _no_seed(_camera_id: str) -> str:
    """No site marks where there is no key: such a view is not begun."""
    return ""


def push_url_of(settings: ServerSettings) -> str:
    """Where agents push to."""
    base = settings.live.public_url or server_url_of(settings)
    return settings.live.push_url or f"ws{base.removeprefix('http').rstrip('/')}{PUSH_PATH}"


def origin_of(settings: ServerSettings) -> str:
    """Of the pages that may watch."""
    return settings.api.public_origin.rstrip("/") or f"http://{settings.api.host}:{settings.api.port}"


def config_of(server: LiveServer, host: str, port: int, certificate_file: str = "") -> uvicorn.Config:
    """How uvicorn serves it: no compression, ever, for it costs six times the work and gains nothing on video."""
    return uvicorn.Config(
        server.application(),
        host=host,
        port=port,
        loop="asyncio",
        http=HttpLink,
        ws=WebSocketLink,
        ws_per_message_deflate=False,
        ws_max_size=FRAME_BYTES_MAX + 1,
        ws_ping_interval=PING_S,
        ws_ping_timeout=PONG_S,
        ssl_certfile=certificate_file or None,
        access_log=False,
        log_config=None,
        log_level="warning",  # its own words name addresses
        server_header=False,
        proxy_headers=True,  # believed from this machine alone
        limit_concurrency=CONNECTIONS_MAX,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACEFUL_S,
    )


def run(settings: ServerSettings, _stop: Event) -> None:
    """Serves until a signal comes. Raises ConfigurationError, Unavailable."""
    clock = SystemClock()
    database = open_database(settings.database)
    database.check_migrated()
    files = CertificateFiles.of(settings)
    caller = Caller(
        settings.mqtt, ServiceTls(files.authority, files.live), signer_from(settings.server.signing_key_file), LIVE
    )
    server = LiveServer(settings, database, caller, clock)
    caller.start()
    log.info("live_starting", host=settings.live.host, port=settings.live.port)
    running = uvicorn.Server(config_of(server, settings.live.host, settings.live.port, settings.live.certificate_file))
    try:
        running.run()
    finally:
        caller.close()
        database.close()
    if not running.started:
        raise Unavailable("the live process could not start; the line before says why")
    log.info("live_stopped")
