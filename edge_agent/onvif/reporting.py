"""Discovered cameras on their way to the server, through the outbox of the agent on this machine.

Invariant: what is told lets nobody into a camera; the picture is sealed to the server's key or not sent.
"""

import hashlib
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from config.base.clock import Clock
from config.wire.discovery import DiscoveredCamera, StreamOffer
from config.wire.sealing import SealedBox, discovered_picture, seal_to
from edge_agent.messages import Sealer
from edge_agent.onvif.media import StreamProfile
from edge_agent.onvif.survey import Lens, Survey
from edge_agent.spool.ballast import Ballast
from edge_agent.spool.database import SpoolDatabase
from edge_agent.spool.outbox import Outbox


def discovery_id(agent_id: str, address: str, lens: str) -> str:
    """The same for the same lens at the same address, whenever it is found."""
    return hashlib.sha256(f"{agent_id}\n{address}\n{lens}".encode()).hexdigest()[:32]


def discovered(
    sealer: Sealer, clock: Clock, found: Survey, lens: Lens, configured_as: str, server_key: X25519PublicKey | None
) -> DiscoveredCamera:
    """What is told of one lens."""
    identity = discovery_id(sealer.agent_id, found.address, lens.source.token)
    info = found.information
    sealed: SealedBox | None = None
    if lens.picture and server_key is not None:
        sealed = seal_to(server_key, lens.picture, discovered_picture(sealer.agent_id, identity))
    return DiscoveredCamera(
        **sealer.who(),
        discovery_id=identity,
        at_us=clock.utc_us(),
        onvif_url=found.address,
        name=_text(found.name),
        maker=_text(info.maker) if info else "",
        model=_text(info.model) if info else "",
        firmware=_text(info.firmware) if info else "",
        serial_number=_text(info.serial_number) if info else "",
        lens=_text(lens.source.token),
        main=_offer(lens.source.main),
        sub=None if lens.source.sub is None else _offer(lens.source.sub),
        clock_offset_us=None if found.clock is None else found.clock.offset_us,
        clock_bound_us=None if found.clock is None else found.clock.bound_us,
        problems=[problem.code for problem in (*found.problems, *lens.problems)][:16],
        configured_as=configured_as,
        picture_sha256=hashlib.sha256(lens.picture).hexdigest() if sealed else None,
        picture=sealed,
    )


def put_into_outbox(state_dir: Path, sealer: Sealer, messages: list[DiscoveredCamera]) -> None:
    """Durable from here on; an agent that runs sends them within a second, another when it starts.

    Raises NightlightError.
    """
    folder = state_dir / "spool"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = SpoolDatabase(folder / "spool.sqlite3", Ballast(folder))
    try:
        outbox = Outbox(database)
        with database.transaction() as connection:
            for message in messages:
                outbox.put(connection, sealer.sealed(message, message.at_us))
    finally:
        database.close()


def _offer(profile: StreamProfile) -> StreamOffer:
    return StreamOffer(
        url="" if "password" in profile.url.lower() or "pwd=" in profile.url.lower() else profile.url,
        codec=profile.codec,
        width=profile.width,
        height=profile.height,
        frames_per_second=max(0, profile.frames_per_second),
        kilobits_per_second=max(0, profile.kilobits_per_second),
        keyframe_every=profile.keyframe_every,
    )


def _text(said: str) -> str:
    return "".join(one for one in said if one.isprintable())[:64]
