"""A region's sites, worst first and why: searched, filtered, page by page, and never beyond the reader's reach (I7)."""

import pytest
from sqlalchemy import select

from config.base.clock import US_PER_DAY, US_PER_MINUTE, US_PER_S
from config.base.errors import InvalidInput, NotFound
from server.domain.verdict import day_of
from server.services.compliance.rank_region import RegionReader, Wanted
from server.services.compliance.told import OutcomeTold, SiteTold, pack_up
from server.services.registers.register import Register
from storage.database import models, verdicts
from storage.database.scope import AUDITOR, EVERY_REGION, OPERATOR, Scope
from tests.support.clock import NOON_US, SimulatedClock

BOTH = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
ALL = Scope("police", AUDITOR, EVERY_REGION)
SICHUAN = Scope("officer", AUDITOR, "cn/sichuan")
ZONE = "Asia/Shanghai"
TODAY = day_of(NOON_US, ZONE).isoformat()
MISSING, UNKNOWN = "missing", "unverified"


class Regional:
    """Sites with cameras in service since yesterday, and what entries say of today."""

    def __init__(self, database) -> None:
        self.database, self.clock = database, SimulatedClock(NOON_US)
        self.register = Register(database, self.clock)
        self.reader = RegionReader(database, self.clock)

    def site(
        self, site_id: str, region: str, cameras: int = 1, *, name: str = "", pack: str | None = "cn-national-base"
    ):
        self.register.add_site(site_id, name or site_id, region, ZONE)
        with self.database.unit_of_work() as session:
            session.get_one(models.Site, site_id).policy_pack = pack
            session.add(models.Zone(site_id=site_id, id="hall", name="hall", kind="corridor"))
            session.add(models.Agent(id=f"{site_id}-box", site_id=site_id, public_key=bytes(32), created_us=1))
            session.flush()
            for number in range(cameras):
                session.add(
                    models.Camera(
                        id=f"{site_id}-{number}", site_id=site_id, zone_id="hall", agent_id=f"{site_id}-box", name="x",
                        registered_us=1, activated_us=NOON_US - US_PER_DAY, settled_until_us=0,
                    )
                )  # fmt: skip
        return self

    def judged(self, site_id: str, status: str, broken: tuple[str, ...] = ()) -> "Regional":
        """A verdict by rule on the site."""
        told = SiteTold(
            outcomes=[
                OutcomeTold(
                    rule=rule, pack="p", metric="m", title={"zh-CN": f"规则{rule}", "en": rule}, source={}, article="1",
                    binding="mandatory" if rule != "advice" else "recommended", confidence="V", operator=">=",
                    required=1.0, unit="percent", kind="site", subject=site_id, status="NON_COMPLIANT",
                )
                for rule in broken
            ]
        )  # fmt: skip
        data, digest = pack_up(told)
        with self.database.unit_of_work() as session:
            session.add(
                models.ComplianceEntry(
                    kind="site", site_id=site_id, subject_id=site_id, period=TODAY, status=status, final=False, book="b",
                    assessed_us=NOON_US, told_sha256=digest, told=data,
                )
            )  # fmt: skip
            session.merge(models.ComplianceMark(site_id=site_id, looked_us=self.clock.utc_us(), verdict_id=10**6))
        return self

    def camera(self, camera_id: str, status: str, *gaps: tuple[int, int | None, str]) -> "Regional":
        """A camera's entry of today; gaps as (minutes before noon, minutes long or None, certainty)."""
        rows = [
            (start := NOON_US - ago * US_PER_MINUTE, None if long is None else start + long * US_PER_MINUTE, "x", sure)
            for ago, long, sure in gaps
        ]
        with self.database.unit_of_work() as session:
            session.add(
                models.Verdict(
                    camera_id=camera_id, day=TODAY, status=status, final=False, expected_us=43_200 * US_PER_S,
                    covered_us=40_000 * US_PER_S, assessed_us=NOON_US, gaps=verdicts.encode_gaps(rows),
                )
            )  # fmt: skip
        return self

    def ids(self, scope: Scope = ALL, **wanted: str) -> list[str]:
        return [site.site_id for site in self.reader.ranked(scope, Wanted(**wanted)).sites]


@pytest.fixture
def regional(database) -> Regional:
    return Regional(database)


@BOTH
def test_worst_first_and_why(regional):
    regional.site("good", "cn/sichuan").judged("good", "COMPLIANT").camera("good-0", "COMPLIANT")
    regional.site("short", "cn/sichuan", 2).judged("short", "NON_COMPLIANT", ("one", "two", "advice"))
    regional.camera("short-0", "NON_COMPLIANT", (300, 10, MISSING), (200, 130, MISSING)).camera("short-1", "COMPLIANT")
    regional.site("wide", "cn/sichuan", 3).judged("wide", "NON_COMPLIANT")
    for number in range(2):
        regional.camera(f"wide-{number}", "NON_COMPLIANT", (60, 5, MISSING))
    regional.site("silent", "cn/sichuan", pack=None)
    found = regional.reader.ranked(ALL, Wanted(), 1)
    assert [one.site_id for one in found.sites] == ["wide", "short", "silent", "good"]
    wide, short, silent, good = found.sites
    assert (wide.cameras, wide.cameras_missing, wide.cameras_unknown) == (3, 2, 1), "one has no entry: not known"
    assert (short.cameras_missing, short.cameras_unknown) == (1, 0)
    assert short.longest_us == 130 * US_PER_MINUTE
    assert short.missing_us == 140 * US_PER_MINUTE
    assert [title["en"] for title in short.broken or []] == ["one", "two"], "advice does not bind"
    assert (silent.status, silent.assessed_us, silent.cameras_unknown) == ("UNVERIFIED", None, 1)
    assert (good.status, good.cameras_unknown, good.broken) == ("COMPLIANT", 0, [])
    assert found.counts == {"NON_COMPLIANT": 2, "UNVERIFIED": 1, "COMPLIANT": 1}


@SQLITE
def test_a_gap_that_lasts_counts_as_far_as_its_entry_saw(regional):
    regional.site("open", "cn/sichuan", 2).judged("open", "UNVERIFIED")
    regional.camera("open-0", "NON_COMPLIANT", (20, None, MISSING)).camera("open-1", "UNVERIFIED", (30, None, UNKNOWN))
    (one,) = regional.reader.ranked(ALL, Wanted()).sites
    assert (one.longest_us, one.missing_us) == (20 * US_PER_MINUTE, 20 * US_PER_MINUTE)
    assert (one.cameras_missing, one.cameras_unknown, one.broken) == (1, 1, None)


@SQLITE
def test_a_month_counts_days_that_nobody_judged_as_not_known(regional):
    regional.site("one", "cn/sichuan", 2).camera("one-0", "COMPLIANT").camera("one-1", "NON_COMPLIANT")
    (found,) = regional.reader.ranked(ALL, Wanted(period=TODAY[:7])).sites
    assert (found.cameras, found.cameras_missing, found.longest_us) == (2, 1, None)
    assert found.cameras_unknown == 1, "in service since yesterday, of which there is no entry"
    assert found.missing_us == 2 * 3_200 * US_PER_S


@BOTH
def test_what_jobs_have_not_looked_at_is_not_known(regional):
    """They are down, or a camera's day has changed since they looked, or a final day is to be judged again (I1)."""
    regional.site("fine", "cn/sichuan").judged("fine", "COMPLIANT").camera("fine-0", "COMPLIANT")
    regional.site("short", "cn/sichuan").judged("short", "NON_COMPLIANT").camera(
        "short-0", "NON_COMPLIANT", (60, None, MISSING)
    )
    regional.site("news", "cn/sichuan").judged("news", "COMPLIANT").camera("news-0", "UNVERIFIED", (9, None, UNKNOWN))
    with regional.database.unit_of_work() as session:
        session.get_one(models.ComplianceMark, "news").verdict_id = 1

    def told():
        return {
            one.site_id: (one.status, one.final, one.cameras_unknown)
            for one in regional.reader.ranked(ALL, Wanted(period=TODAY)).sites
        }

    assert told()["fine"] == ("COMPLIANT", False, 0)
    assert told()["news"][0] == "UNVERIFIED"
    (short,) = regional.reader.ranked(ALL, Wanted(search="short")).sites
    assert (short.missing_us, short.longest_us) == (60 * US_PER_MINUTE, 60 * US_PER_MINUTE)
    regional.clock.advance(10 * 60)
    (short,) = regional.reader.ranked(ALL, Wanted(search="short")).sites
    assert (short.missing_us, short.longest_us) == (70 * US_PER_MINUTE, 70 * US_PER_MINUTE), "it lasts"
    assert told()["fine"][0] == "COMPLIANT"
    regional.clock.advance(6 * 60)
    with regional.database.unit_of_work() as session:
        for camera in session.query(models.Camera):
            camera.assess_from_day = TODAY
    assert told()["fine"] == ("UNVERIFIED", False, 1)
    assert told()["short"][0] == "NON_COMPLIANT"
    with regional.database.unit_of_work() as session:
        session.query(models.ComplianceEntry).update({"final": True})
    assert told()["fine"][:2] == ("UNVERIFIED", False)
    with regional.database.unit_of_work() as session:
        session.query(models.Camera).update({"assess_from_day": None})
    assert told()["fine"][:2] == ("COMPLIANT", True)


@BOTH
def test_search_filter_and_region(regional):
    regional.site("sunflower", "cn/sichuan/luzhou", name="向日葵托育园").judged("sunflower", "COMPLIANT")
    regional.site("boat-2", "cn/sichuan/chengdu", name="Little Boat")
    with regional.database.unit_of_work() as session:
        session.get_one(models.Site, "boat-2").filing_number = "川备-0042"
    assert regional.ids(search="向日") == ["sunflower"]
    assert regional.ids(search=" BOAT ") == ["boat-2"]
    assert regional.ids(search="0042") == ["boat-2"]
    assert regional.ids(search="%") == []
    assert regional.ids(status="COMPLIANT") == ["sunflower"]
    assert regional.ids(region="cn/sichuan/chengdu") == ["boat-2"]
    assert regional.ids(region="cn/sichuan/chengdu", search="向日") == []
    with pytest.raises(NotFound):
        regional.ids(region="cn/sich")
    with pytest.raises(InvalidInput):
        regional.ids(period="yesterday")


@SQLITE
def test_nobody_sees_a_site_a_region_or_a_count_beyond_their_reach(regional):
    regional.site("mine", "cn/sichuan/luzhou").site("theirs", "cn/yunnan").judged("theirs", "NON_COMPLIANT")
    found = regional.reader.ranked(SICHUAN, Wanted())
    assert [one.site_id for one in found.sites] == ["mine"]
    assert (found.tree.path, found.tree.counts["NON_COMPLIANT"]) == ("cn/sichuan", 0)
    assert regional.ids(SICHUAN, search="theirs") == []
    with pytest.raises(NotFound):
        regional.ids(SICHUAN, region="cn/yunnan")
    nobody = regional.reader.ranked(Scope("nobody", OPERATOR), Wanted())
    assert (nobody.sites, nobody.tree.below, nobody.status) == ([], [], "UNVERIFIED")


@SQLITE
def test_two_hundred_sites_are_told_page_by_page_and_all_of_them_for_a_file(regional):
    with regional.database.unit_of_work() as session:
        session.add(models.Region(path="cn", parent=None, name="中国", name_en="China"))
        session.add_all(
            models.Site(id=f"n{number:03}", name=f"园 {number}", region="cn", timezone=ZONE, created_us=1)
            for number in range(201)
        )
    first, last = (regional.reader.ranked(ALL, Wanted(), page) for page in (1, 99))
    assert (len(first.sites), first.total, first.pages) == (50, 201, 5)
    assert (last.page, len(last.sites)) == (5, 1)
    assert len(regional.reader.ranked(ALL, Wanted()).sites) == 201
    assert first.sites[0].place == "中国"
    with regional.database.reading() as session:
        assert len(session.scalars(select(models.Region)).all()) == 1
