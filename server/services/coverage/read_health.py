"""How a site's boxes and cameras do, from the newest heartbeat of each agent. Everything goes through the scope (I7)."""

from dataclasses import dataclass

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.errors import NightlightError, NotFound
from config.base.ids import is_slug
from config.wire.desired_state import ConfigurationReport
from config.wire.envelope import decode_payload, open_envelope
from config.wire.health import BoxHealth, CameraHealth, Heartbeat, PanelHealth, SpoolHealth
from server.domain.health import Warned, box_warnings, camera_warnings
from server.services.coverage.assess_day import Assessor
from server.services.intake.heartbeats import heartbeat_of
from storage.database import scope as scoping
from storage.database.models import Agent, AgentConfiguration, AgentStatus
from storage.database.unit_of_work import Database


class CameraFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One camera, as its agent last told; ages are as of then."""

    camera_id: str
    condition: str
    reachable: bool
    since_us: int
    packet_age_ms: int | None
    frames_per_second: float
    kilobits_per_second: int
    keyframe_interval_ms: int | None
    codec: str
    width: int
    height: int
    rtp_lost: int
    clock_offset_ms: int | None
    clock_bound_ms: int | None
    recording_lag_ms: int | None
    upload_lag_s: int | None
    findings: list[str]
    warnings: list[Warned]


class ConfigurationFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Which configuration the agent should have, which it works by, and which cameras it could not set up."""

    source: str
    wanted_version: int
    version: int
    failed: dict[str, str] = {}
    """Camera → why, in the agent's own words."""


class AgentHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One agent. Where it is not ``alive`` everything else is what it said last."""

    agent_id: str
    alive: bool
    heard_us: int | None
    software: str = ""
    clock_offset_us: int | None = None
    clock_bound_us: int | None = None
    system_clock_error_us: int | None = None
    spool: dict[str, object] = {}
    box: dict[str, object] = {}
    panels: list[dict[str, object]] = []
    configuration: ConfigurationFigures | None = None
    warnings: list[Warned] = []
    cameras: list[CameraFigures] = []


class SiteHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A site's agents, by id."""

    site_id: str
    now_us: int
    agents: list[AgentHealth]


@dataclass(frozen=True)
class HealthReader:
    """Reads for one person at a time."""

    database: Database
    clock: Clock
    assessor: Assessor

    def of_site(self, scope: scoping.Scope, site_id: str) -> SiteHealth:
        """Raises NotFound where there is no such site or the person may not know of it."""
        if not is_slug(site_id):
            raise NotFound("no such site")
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            site = scoping.site_in_reach(session, scope, site_id)
            agents = session.scalars(select(Agent.id).where(Agent.site_id == site.id).order_by(Agent.id))
            return SiteHealth(
                site_id=site.id, now_us=now_us, agents=[self._agent(session, agent_id, now_us) for agent_id in agents]
            )

    def _agent(self, session: Session, agent_id: str, now_us: int) -> AgentHealth:
        status = session.get(AgentStatus, agent_id)
        if status is None:
            return AgentHealth(agent_id=agent_id, alive=False, heard_us=None)
        alive, beat = self.assessor.is_alive(status, now_us), heartbeat_of(status)
        if beat is None:
            return AgentHealth(agent_id=agent_id, alive=alive, heard_us=status.heard_us)
        configuration = _configuration(session.get(AgentConfiguration, agent_id), beat)
        return AgentHealth(
            agent_id=agent_id,
            alive=alive,
            heard_us=status.heard_us,
            software=beat.software,
            clock_offset_us=beat.clock.offset_us if beat.clock else None,
            clock_bound_us=beat.clock.bound_us if beat.clock else None,
            system_clock_error_us=beat.system_clock_error_us,
            spool=_named(beat.spool),
            box=_named(beat.box),
            panels=[_named(panel) for panel in beat.panels],
            configuration=configuration,
            warnings=[*box_warnings(beat, self.assessor.policy.clock_tolerance_us), *_of_configuration(configuration)],
            cameras=[_camera(beat, camera) for camera in beat.cameras],
        )


def _camera(beat: Heartbeat, camera: CameraHealth) -> CameraFigures:
    stream = beat.format_of(camera)
    return CameraFigures(
        camera_id=camera.camera_id,
        condition=camera.condition,
        reachable=camera.reachable,
        since_us=beat.since_us(camera),
        packet_age_ms=camera.packet_age_ms,
        frames_per_second=camera.frames_per_second,
        kilobits_per_second=camera.kilobits_per_second,
        keyframe_interval_ms=camera.keyframe_interval_ms,
        codec=stream.codec if stream else "",
        width=stream.width if stream else 0,
        height=stream.height if stream else 0,
        rtp_lost=camera.rtp_lost,
        clock_offset_ms=camera.clock_offset_ms,
        clock_bound_ms=camera.clock_bound_ms,
        recording_lag_ms=camera.recording_lag_ms,
        upload_lag_s=camera.upload_lag_s,
        findings=beat.findings_of(camera),
        warnings=camera_warnings(beat, camera),
    )


def _configuration(row: AgentConfiguration | None, beat: Heartbeat) -> ConfigurationFigures:
    report = _report(row)
    failed = [camera for camera in report.cameras if camera.what == "failed"] if report else []
    return ConfigurationFigures(
        source=beat.configuration_source,
        wanted_version=row.version if row is not None else 0,
        version=beat.configuration_version,
        failed={camera.camera_id: camera.why for camera in failed},
    )


def _report(row: AgentConfiguration | None) -> ConfigurationReport | None:
    if row is None or row.report is None:
        return None
    try:
        found = decode_payload(open_envelope(row.report))
    except NightlightError:
        return None
    return found if isinstance(found, ConfigurationReport) and found.outcome == "taken" else None


def _of_configuration(configuration: ConfigurationFigures) -> list[Warned]:
    found = [Warned("camera_not_set_up", what=camera_id) for camera_id in sorted(configuration.failed)]
    if configuration.version < configuration.wanted_version:
        found.append(Warned("configuration_behind", configuration.wanted_version - configuration.version))
    return found


def _named(part: SpoolHealth | BoxHealth | PanelHealth) -> dict[str, object]:
    """With the names of its fields: an array means little to a script."""
    return {name: getattr(part, name) for name in part.__struct_fields__}
