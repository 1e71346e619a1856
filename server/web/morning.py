"""What the first screen of the board answers: is everything all right, and if not, what is to be done. Pure.

Each thing to do is a sentence and a way to where it is done, worst first; a way that the reader's role may not take is left
out. Where nothing is to be done, that is said only as far as it is known (I1).
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from config.base.clock import US_PER_DAY
from server.domain.authorisation import Action
from server.domain.forecast import Forecast
from server.domain.verdict import day_of
from server.services.coverage.read_day import CameraDay, SiteDay
from server.services.coverage.read_health import SiteHealth
from server.services.coverage.read_morning import Morning
from server.services.intake.handle_alarms import SiteAlarms
from server.web.formatting import Words
from server.web.languages import Language
from server.web.wording import CAUSE, CONDITION, mark

NAMES_MAX = 5
DO = {
    "starting": mark("Wait a minute; if it stays so, look at its settings."),
    "unreachable": mark("Check its power and its network cable, then its address."),
    "unauthorised": mark("Give its user and password anew."),
    "no_video": mark("Restart the camera; look at its first stream's address."),
    "stalled": mark("Restart the camera; look at its network cable."),
    "disk_full": mark("Make room on the site agent, or see why it cannot send."),
    "stopped": mark("Somebody stopped the recording: begin it again in its settings."),
}


@dataclass(frozen=True)
class Task:
    """One thing to do; ``tone``: urgent, open, or quiet. ``path`` is empty where there is nothing to open."""

    tone: str
    topic: str
    text: str
    path: str = ""
    link: str = ""


@dataclass(frozen=True)
class Asked:
    """Everything that the answer rests on; empty where it was not asked."""

    alarms: SiteAlarms | None = None
    health: SiteHealth | None = None
    audits: Sequence[str] = ()
    forecast: Forecast | None = None
    morning: Morning | None = None


@dataclass(frozen=True)
class ToDo:
    """The list, or the sentence that there is nothing on it; and how long the store lasts."""

    tasks: list[Task] = field(default_factory=list)
    calm: str = ""
    storage: str = ""
    storage_good: bool = True


def make_todo(site: SiteDay, asked: Asked, language: Language, may: Callable[[Action], bool]) -> ToDo:
    """For a reader of ``language`` whose role may take the ways that ``may`` says."""
    maker = _Maker(site, asked, language, Words(language, site.timezone), may)
    tasks = sorted(maker.tasks(), key=lambda task: ("urgent", "open", "quiet").index(task.tone))
    storage = maker.storage()
    return ToDo(
        tasks,
        "" if tasks else maker.calm(),
        storage,
        asked.forecast is None or asked.forecast.promise_holds is not False,
    )


@dataclass(frozen=True)
class _Maker:
    site: SiteDay
    asked: Asked
    language: Language
    words: Words
    may: Callable[[Action], bool]

    def tasks(self) -> list[Task]:
        """In the order of the day."""
        return [*self._alarms(), *self._boxes(), *self._cameras(), *self._pictures(), *self._store(), *self._work()]

    def calm(self) -> str:
        """Only of what is known now: a camera that waits or is silent is in the list instead."""
        if not self.site.cameras:
            return ""
        return self.language.text("Nothing to do: every camera records now.")

    def storage(self) -> str:
        """How long the store lasts at today's rate, in days of the calendar; empty where nobody has reckoned."""
        text, found = self.language.text, self.asked.forecast
        if found is None or self.site.cell is not None:
            return ""
        if found.promise_holds is None:
            if not found.capacity_bytes:
                return text(
                    "Storage: how long it lasts is not known. Whoever runs the server has to say how large it is."
                )
            return text("Storage: nothing came in over the last 24 hours, so there is nothing to reckon with.")
        days = max(1, round(found.needed_bytes / found.bytes_a_day) - 1)
        if found.full_in_days is None:
            return text("Storage: at today's rate it does not fill up; the %(days)s days hold.") % {"days": days}
        full = self.words.dated(self.site.now_us + int(found.full_in_days * US_PER_DAY))
        said = text("Storage: at today's rate it is full on %(day)s; from then on the %(days)s days do not hold.")
        return said % {"day": full, "days": days}

    def _alarms(self) -> list[Task]:
        raised = [one for one in (self.asked.alarms.alarms if self.asked.alarms else []) if one.status == "raised"]
        if not raised:
            return []
        said = self.language.count(
            "%(num)s alarm waits for an answer.", "%(num)s alarms wait for an answer.", len(raised)
        )
        tone = "urgent" if any(one.urgent for one in raised) else "open"
        return [Task(tone, self.language.text("Alarms"), said, "#alarms", self.language.text("See the alarms"))]

    def _boxes(self) -> list[Task]:
        text, found = self.language.text, []
        for agent in self.asked.health.agents if self.asked.health else []:
            if agent.alive:
                continue
            said = text(
                "The site agent %(box)s is silent: what its cameras see is not known. Check its power and its line."
            )
            if agent.heard_us is not None:
                since = text("Last heard %(time)s.") % {"time": self._moment(agent.heard_us)}
                told = said % {"box": agent.agent_id} + self.language.gap + since
                found.append(self._task("urgent", "Site agent", told, Action.SETUP, "boxes"))
            else:
                found.append(self._task("open", "Site agent", said % {"box": agent.agent_id}, Action.SETUP, "boxes"))
        return found

    def _cameras(self) -> list[Task]:
        text = self.language.text
        by_condition: dict[str, list[CameraDay]] = defaultdict(list)
        for camera in self.site.cameras:
            if camera.condition not in {"recording", "unknown"}:
                by_condition[camera.condition].append(camera)
        found = []
        for condition, cameras in by_condition.items():
            state = text(CONDITION[condition]) if condition in CONDITION else condition
            since_us = min(
                (one.condition_since_us for one in cameras if one.condition_since_us is not None), default=None
            )
            since = text("since %(time)s") % {"time": self._moment(since_us)} if since_us is not None else ""
            said = text("%(cameras)s: %(state)s %(since)s.") % {
                "cameras": self._names(cameras),
                "state": state,
                "since": since,
            }
            tone = "quiet" if condition == "starting" else "urgent"
            said += self.language.gap + text(DO[condition]) if condition in DO else ""
            place = f"cameras/{cameras[0].camera_id}" if len(cameras) == 1 else "cameras"
            found.append(self._task(tone, "Cameras", said, Action.SETUP, place))
        for cause, stuck in self._stuck().items():
            why = text(CAUSE[cause]) if cause in CAUSE else cause
            said = text("%(cameras)s: this time is missing (%(why)s).") % {"cameras": self._names(stuck), "why": why}
            found.append(self._task("open", "Cameras", said, Action.COMPLIANCE_READ, "docket"))
        waiting = [one for one in self.site.cameras if _waits(one)]
        if waiting:
            said = text("%(cameras)s: no recording yet.") % {"cameras": self._names(waiting)}
            found.append(self._task("quiet", "Set up", said, Action.SETUP, "setup"))
        return found

    def _stuck(self) -> dict[str, list[CameraDay]]:
        """Cause → cameras whose time is missing now though their box says that it records, or says nothing while it lives."""
        found: dict[str, list[CameraDay]] = defaultdict(list)
        silent = any(not agent.alive for agent in (self.asked.health.agents if self.asked.health else []))
        for camera in self.site.cameras:
            lasting = next((gap.cause for gap in camera.gaps if gap.end_us is None), None)
            spoiled = any(finding.spoils for finding in camera.findings)
            if lasting is not None and not spoiled and camera.condition == "recording":
                found[lasting].append(camera)
            elif camera.condition == "unknown" and not silent:
                found[lasting or "agent_offline"].append(camera)
        return found

    def _pictures(self) -> list[Task]:
        bad = [one for one in self.site.cameras if any(finding.spoils for finding in one.findings)]
        if not bad:
            return []
        said = self.language.text("%(cameras)s: the picture cannot be used, so this time does not count.")
        text = self.language.text("See what is wrong")
        return [
            Task(
                "urgent",
                self.language.text("Picture"),
                said % {"cameras": self._names(bad)},
                f"#camera-{bad[0].camera_id}",
                text,
            )
        ]

    def _store(self) -> list[Task]:
        text = self.language.text
        found = [
            self._task("open", "Store and audits", alert, Action.AUDIT_READ, "audit") for alert in self.asked.audits
        ]
        if self.site.holds_due and self.may(Action.CUSTODY_READ):
            said = self.language.count(
                "%(num)s hold is to be reviewed", "%(num)s holds are to be reviewed", self.site.holds_due
            )
            found.append(
                Task("quiet", text("Keeping"), said, self._path(Action.CUSTODY_READ, "custody#holds"), text("Review"))
            )
        return found

    def _work(self) -> list[Task]:
        waits, count, found = self.asked.morning, self.language.count, []
        if waits is None:
            return []
        cases = self.may(Action.COMPLIANCE_READ)
        if waits.overdue and cases:
            said = count(
                "%(num)s case of the docket is overdue.", "%(num)s cases of the docket are overdue.", waits.overdue
            )
            found.append(self._task("urgent", "Docket", said, Action.COMPLIANCE_READ, "docket?overdue=1"))
        if waits.unexplained and cases:
            said = count(
                "%(num)s case of missing time waits to be explained.",
                "%(num)s cases of missing time wait to be explained.",
                waits.unexplained,
            )
            found.append(self._task("open", "Docket", said, Action.COMPLIANCE_READ, "docket?status=unexplained"))
        if waits.unsigned and cases:
            said = count(
                "%(num)s case waits for a second person to sign it off.",
                "%(num)s cases wait for a second person to sign them off.",
                waits.unsigned,
            )
            found.append(self._task("quiet", "Docket", said, Action.COMPLIANCE_READ, "docket?status=explained"))
        if waits.found and self.may(Action.SETUP):
            said = count(
                "%(num)s camera was found and waits for you to say whether it is yours.",
                "%(num)s cameras were found and wait for you to say whether they are yours.",
                waits.found,
            )
            found.append(self._task("quiet", "Cameras", said, Action.SETUP, "found"))
        return found

    def _task(self, tone: str, topic: str, said: str, action: Action, page: str) -> Task:
        topics = {
            "Site agent": self.language.text("Site agent"),
            "Cameras": self.language.text("Cameras"),
            "Set up": self.language.text("Set up"),
            "Store and audits": self.language.text("Store and audits"),
            "Docket": self.language.text("Docket"),
        }
        return Task(tone, topics[topic], said, self._path(action, page), self.language.text("Go there"))

    def _path(self, action: Action, page: str) -> str:
        return f"/sites/{self.site.site_id}/{page}" if self.may(action) else ""

    def _names(self, cameras: Sequence[CameraDay]) -> str:
        names = self.language.text(", ").join(camera.name for camera in cameras[:NAMES_MAX])
        rest = len(cameras) - NAMES_MAX
        if rest <= 0:
            return names
        more = self.language.count("and %(num)s more", "and %(num)s more", rest)
        return f"{names} {more}"

    def _moment(self, at_us: int) -> str:
        return self.words.moment(at_us, day_of(self.site.now_us, self.site.timezone))


def _waits(camera: CameraDay) -> bool:
    """Nothing of it was ever secured, and its box does not say that it is just beginning."""
    return camera.activated_us is None and not camera.covered and not camera.gaps and camera.condition != "starting"
