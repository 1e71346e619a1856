"""What the page that leads through a site's set-up says: seven steps, each with what is done of it and what to do next. Pure."""

from dataclasses import dataclass

from config.base.clock import US_PER_MINUTE
from server.domain.verdict import day_of
from server.services.cameras.setup_progress import CameraProgress, SiteProgress
from server.web.formatting import Words
from server.web.languages import Language
from server.web.wording import CONDITION, mark

PATIENCE_US = 3 * US_PER_MINUTE
"""How long after the beginning of a test a step may be missing before the page says what to look at."""
FACT = {
    "type": mark("what kind of site it is"),
    "ownership": mark("whose it is"),
    "inclusive": mark("whether it is of public benefit"),
    "places": mark("how many children it takes"),
}
LOOK_AT = {
    "stream": mark("No picture has come. Check the camera's power and cable, its address, and user and password."),
    "claimed": mark(
        "Pictures come and nothing has been recorded. Look at the site agent's free space and clock on the board."
    ),
    "uploaded": mark(
        "The site agent records and cannot send. Check the site's line to the internet; it sends by itself later."
    ),
    "read_back": mark(
        "The recording came and was not read back yet. Whoever runs the server should look at the store."
    ),
    "minute": mark("It is locked and a whole minute is not verified yet. It comes within a few minutes."),
}


@dataclass(frozen=True)
class Act:
    """A way on: a link, or a button where it changes something."""

    words: str
    path: str
    posts: bool = False


@dataclass(frozen=True)
class Step:
    """One step; ``state``: done, next (the first that is not), open, or later (something before it is needed)."""

    name: str
    title: str
    state: str
    state_text: str
    lines: list[str]
    acts: list[Act]


@dataclass(frozen=True)
class Mark:
    """One thing that was seen of a camera, or not yet."""

    title: str
    seen: bool
    text: str


@dataclass(frozen=True)
class TriedCamera:
    """One camera in the test."""

    name: str
    place: str
    marks: list[Mark]
    advice: str
    done: bool


@dataclass(frozen=True)
class Setup:
    """The whole fragment."""

    site_id: str
    name: str
    sentence: str
    as_of: str
    done: int
    steps: list[Step]
    test_text: str
    rows: list[TriedCamera]


def make_setup(site: SiteProgress, language: Language) -> Setup:
    """For a reader of ``language``."""
    maker = _Maker(site, language, Words(language, site.timezone))
    steps = maker.steps()
    done = sum(step.state == "done" for step in steps)
    return Setup(
        site_id=site.site_id,
        name=site.name,
        sentence=maker.sentence(steps, done),
        as_of=maker.words.clock(site.now_us),
        done=done,
        steps=steps,
        test_text=maker.test_text(),
        rows=[maker.row(camera) for camera in site.cameras] if site.test is not None else [],
    )


@dataclass(frozen=True)
class _Maker:
    site: SiteProgress
    language: Language
    words: Words

    def steps(self) -> list[Step]:
        """In the order in which somebody sets a site up."""
        made = [
            self._facts(),
            self._places(),
            self._box(),
            self._found(),
            self._cameras(),
            self._test(),
            self._minute(),
        ]
        first = next((step.name for step in made if step.state == "open"), None)
        said = {
            "done": self.language.text("done"),
            "next": self.language.text("do this next"),
            "open": self.language.text("still open"),
            "later": self.language.text("comes later"),
        }
        found = []
        for step in made:
            state = "next" if step.name == first else step.state
            found.append(Step(step.name, step.title, state, said[state], step.lines, step.acts))
        return found

    def sentence(self, steps: list[Step], done: int) -> str:
        """How far it is, and what comes next."""
        text = self.language.text
        if done == len(steps):
            return text("This site is set up: every camera has its first verified minute.")
        upcoming = next((step.title for step in steps if step.state == "next"), "")
        told = text("%(done)s of %(all)s steps are done.") % {"done": done, "all": len(steps)}
        if not upcoming:
            return told
        space = "" if told.endswith("。") else " "
        return f"{told}{space}" + text("Next: %(step)s.") % {"step": upcoming}

    def test_text(self) -> str:
        """Since when, and by whom."""
        test = self.site.test
        if test is None:
            return ""
        begun = self._moment(test.begun_us)
        return self.language.text("Begun %(time)s by %(name)s. Only what this server has seen since then counts.") % {
            "time": begun,
            "name": test.begun_by,
        }

    def row(self, camera: CameraProgress) -> TriedCamera:
        """What was seen of one camera since the test began."""
        text = self.language.text
        state = (
            text(CONDITION[camera.condition])
            if camera.condition in CONDITION
            else text("its site agent says nothing of it yet")
        )
        locked = self._day(camera.locked_until_us)
        marks = {
            "stream": Mark(text("Picture"), camera.stream, state),
            "claimed": Mark(text("First recording"), camera.claimed_us is not None, self._clock(camera.claimed_us)),
            "uploaded": Mark(text("Upload"), camera.uploaded, ""),
            "read_back": Mark(
                text("Read back in the store"), camera.read_back_us is not None, self._clock(camera.read_back_us)
            ),
            "locked": Mark(text("Locked until"), camera.locked_until_us is not None, locked),
            "minute": Mark(text("First verified minute"), camera.minute_us is not None, self._clock(camera.minute_us)),
        }
        late = self.site.test is not None and self.site.now_us - self.site.test.begun_us > PATIENCE_US
        missing = next((name for name, one in marks.items() if not one.seen and name in LOOK_AT), None)
        advice = text(LOOK_AT[missing]) if late and missing is not None else ""
        return TriedCamera(camera.name, camera.zone_name, list(marks.values()), advice, missing is None)

    def _facts(self) -> Step:
        text, site = self.language.text, self.site
        lines = [text("Days begin by the time of %(timezone)s.") % {"timezone": site.timezone}]
        if site.unknown_facts:
            unknown = text(", ").join(text(FACT[name]) for name in site.unknown_facts)
            lines.append(
                text("Nobody has said yet: %(facts)s. The rules that apply depend on it.") % {"facts": unknown}
            )
        acts = [Act(text("Fill in the facts"), "setup/facts"), Act(text("Registers"), "registers")]
        if not site.may_register:
            lines.append(text("The site's manager fills them in."))
            acts = []
        return self._step("site", text("Facts about the site"), lines, acts, done=not site.unknown_facts)

    def _places(self) -> Step:
        text, count, site = self.language.text, self.language.count, self.site
        named = count("%(num)s place is named", "%(num)s places are named", site.zones + site.forbidden_zones)
        lines = [f"{named}{text(', ')}" + text("%(num)s of them on the floor plan.") % {"num": site.zones_on_plan}]
        if not site.zones:
            lines = [text("Name the rooms that cameras look into, and the private ones where none may be.")]
        if not site.plans:
            lines.append(
                text("Upload a picture of the floor plan: a photograph of the escape plan on the wall will do.")
            )
        acts = [Act(text("Places and floor plan"), "plan")]
        whole = site.plans > 0 and site.zones > 0 and site.zones_on_plan == site.zones + site.forbidden_zones
        return self._step("places", text("Places on the floor plan"), lines, acts, done=whole)

    def _box(self) -> Step:
        text, site = self.language.text, self.site
        lines = []
        for box in site.boxes:
            if box.alive:
                lines.append(text("The site agent %(box)s is in and is heard.") % {"box": box.agent_id})
            elif box.heard_us is None:
                lines.append(
                    text("The site agent %(box)s is in and was never heard: start it.") % {"box": box.agent_id}
                )
            else:
                at = self._moment(box.heard_us)
                said = text("The site agent %(box)s was last heard %(time)s: check its power and its line.")
                lines.append(said % {"box": box.agent_id, "time": at})
        if site.open_codes:
            lines.append(
                self.language.count(
                    "%(num)s code is open: enter it on the site agent.",
                    "%(num)s codes are open: enter them on the site agents.",
                    site.open_codes,
                )
            )
        if not lines:
            lines = [
                text(
                    "A site agent records this site's cameras. Make a code, scan or type it at the site agent, and it is in."
                )
            ]
        act = text("Site agents and codes") if site.boxes else text("Make a code for the site agent")
        done = bool(site.boxes) and all(box.alive for box in site.boxes)
        return self._step("box", text("Let the site agent in"), lines, [Act(act, "boxes")], done=done)

    def _found(self) -> Step:
        text, site = self.language.text, self.site
        lines = [
            self.language.count(
                "%(num)s camera was found and waits for you to say whether it is yours.",
                "%(num)s cameras were found and wait for you to say whether they are yours.",
                site.found,
            )
        ]
        if not site.found:
            lines = [text("Every camera that was found is decided on.")]
        if not site.found and not site.cameras:
            lines = [
                text(
                    "The site agent looks for cameras on the site's network; those it finds appear here with a picture."
                )
            ]
        acts = [Act(text("See what was found"), "found"), Act(text("Add one by hand"), "cameras/new")]
        done = bool(site.cameras) and not site.found
        return self._step("found", text("Find the cameras"), lines, acts, done=done, needs=bool(site.boxes))

    def _cameras(self) -> Step:
        text, count, site = self.language.text, self.language.count, self.site
        total = len(site.cameras)
        here = text("%(num)s of them on the floor plan.") % {"num": site.cameras_on_plan}
        lines = [count("%(num)s camera is set up", "%(num)s cameras are set up", total) + text(", ") + here]
        if not total:
            lines = [text("Drag each found camera to the place that it looks into.")]
        if site.unreached:
            names = text(", ").join(site.unreached[:8]) + ("…" if len(site.unreached) > 8 else "")
            lines.append(text("Nobody has said how these are reached: %(cameras)s.") % {"cameras": names})
        acts = [Act(text("Cameras on the floor plan"), "plan"), Act(text("All cameras"), "cameras")]
        done = total > 0 and not site.unreached and (not site.plans or site.cameras_on_plan == total)
        needs = bool(site.boxes) and bool(site.zones)
        return self._step("cameras", text("Give each camera its place"), lines, acts, done=done, needs=needs)

    def _test(self) -> Step:
        text, site = self.language.text, self.site
        locked = sum(camera.locked_until_us is not None for camera in site.cameras)
        lines = [text("The test follows each camera from its picture to a recording that nobody can delete.")]
        if site.test is not None:
            said = text("%(done)s of %(all)s cameras: recorded, sent, read back and locked.")
            lines = [said % {"done": locked, "all": len(site.cameras)}]
        begin = text("Begin the test") if site.test is None else text("Begin the test anew")
        acts = [Act(begin, "setup/test", posts=True)] if site.cameras else []
        done = site.test is not None and bool(site.cameras) and locked == len(site.cameras)
        return self._step("test", text("Put the cameras to the test"), lines, acts, done=done, needs=bool(site.cameras))

    def _minute(self) -> Step:
        text, site = self.language.text, self.site
        verified = sum(camera.minute_us is not None for camera in site.cameras)
        lines = [text("A first whole minute of each camera is verified: from then on every minute is watched over.")]
        if site.test is not None:
            said = text("%(done)s of %(all)s cameras have had their first verified minute since the test began.")
            lines = [said % {"done": verified, "all": len(site.cameras)}]
        done = site.test is not None and bool(site.cameras) and verified == len(site.cameras)
        acts = [Act(text("To the board"), "")] if verified else []
        needs = site.test is not None
        return self._step("minute", text("The first verified minute"), lines, acts, done=done, needs=needs)

    def _step(
        self, name: str, title: str, lines: list[str], acts: list[Act], *, done: bool, needs: bool = True
    ) -> Step:
        return Step(name, title, "done" if done else "open" if needs else "later", "", lines, acts)

    def _clock(self, at_us: int | None) -> str:
        return self.words.clock(at_us, seconds=True) if at_us is not None else ""

    def _day(self, at_us: int | None) -> str:
        return self.words.dated(at_us) if at_us is not None else ""

    def _moment(self, at_us: int) -> str:
        return self.words.moment(at_us, day_of(self.site.now_us, self.site.timezone))
