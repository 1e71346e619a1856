"""How boxes and cameras do, in words: a few figures, and a sentence for each thing that somebody should look at. Pure."""

from dataclasses import dataclass, field

from server.domain.health import Warned
from server.services.coverage.read_health import AgentHealth, CameraFigures, SiteHealth
from server.web.formatting import Words
from server.web.languages import Language
from server.web.wording import WARNING

GIGA = 10**9


@dataclass(frozen=True)
class BoxRow:
    """One box: figures in one line, and what to look at."""

    agent_id: str
    alive: bool
    figures: list[str]
    warnings: list[str]


@dataclass(frozen=True)
class CameraLine:
    """One camera's figures and warnings."""

    figures: list[str]
    warnings: list[str]


@dataclass(frozen=True)
class Health:
    """What the board adds of health."""

    boxes: list[BoxRow]
    cameras: dict[str, CameraLine] = field(default_factory=dict)


def panels_heard(site: SiteHealth) -> set[str]:
    """The panels of which a living box says that it hears them."""
    return {
        str(panel["panel_id"])
        for agent in site.agents
        if agent.alive
        for panel in agent.panels
        if panel["condition"] in {"heard", "flooded"}
    }


def make_health(site: SiteHealth, timezone: str, language: Language) -> Health:
    """For a reader of ``language``; figures are rounded so that the page changes only where something does."""
    maker = _Maker(language, Words(language, timezone))
    cameras = {
        camera.camera_id: maker.camera(camera) for agent in site.agents if agent.alive for camera in agent.cameras
    }
    return Health([maker.box(agent) for agent in site.agents], cameras)


@dataclass(frozen=True)
class _Maker:
    language: Language
    words: Words

    def box(self, agent: AgentHealth) -> BoxRow:
        text = self.language.text
        if not agent.alive:
            return BoxRow(agent.agent_id, False, [text("no word from the site agent")], [])
        found = [
            text("processor %(percent)s %%") % {"percent": agent.box.get("cpu_percent", 0)},
            text("memory %(percent)s %%") % {"percent": agent.box.get("memory_used_percent", 0)},
        ]
        if agent.box.get("temperature_c") is not None:
            found.append(text("%(degrees)s °C") % {"degrees": agent.box["temperature_c"]})
        found += self._disk(agent)
        left_s = agent.box.get("certificate_left_s")
        if isinstance(left_s, int) and left_s > 0:
            found.append(text("certificate for %(length)s") % {"length": self._days(left_s)})
        uptime_s = agent.box.get("uptime_s")
        if isinstance(uptime_s, int) and uptime_s:
            found.append(text("running for %(length)s") % {"length": self._days(uptime_s)})
        return BoxRow(agent.agent_id, True, found, self.warned(agent.warnings))

    def camera(self, camera: CameraFigures) -> CameraLine:
        found: list[str] = []
        if camera.codec:
            codec = "H.264" if camera.codec == "h264" else "H.265"
            found.append(f"{camera.width} × {camera.height} {codec}")
        if camera.frames_per_second:
            rate = self.language.text("%(fps)s fps") % {"fps": round(camera.frames_per_second)}
            found += [rate, f"{camera.kilobits_per_second / 1_000:.1f} Mbit/s"]
        return CameraLine(found, self.warned(camera.warnings))

    def warned(self, warnings: list[Warned]) -> list[str]:
        """Each in a sentence; a code without words of its own stands for itself."""
        said = (
            self.language.text(WARNING.get(warning.code, warning.code))
            % {"number": warning.number, "amount": abs(warning.number), "what": warning.what}
            for warning in warnings
        )
        return list(said)

    def _disk(self, agent: AgentHealth) -> list[str]:
        text, spool = self.language.text, agent.spool
        used = text("recordings take %(percent)s %% of their room") % {"percent": spool.get("used_percent", 0)}
        hours = spool.get("hours_left")
        if not isinstance(hours, int | float):
            return [used]
        return [used, text("room for %(length)s without a link") % {"length": self._days(int(hours * 3_600))}]

    def _days(self, seconds: int) -> str:
        """Days where there are two or more of them, else hours."""
        if seconds >= 2 * 86_400:
            return self.language.count("%(num)s day", "%(num)s days", seconds // 86_400)
        return self.language.count("%(num)s hour", "%(num)s hours", seconds // 3_600)
