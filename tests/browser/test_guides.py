"""The pictures of the guides (deploy/guides), taken as people see the pages, and compared with those that are kept.

A picture that no longer looks like its page fails here; ``--update-pictures`` takes all of them anew. What is compared is the
rough look, so that another machine's fonts change nothing.
"""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser

from config.settings.server import load_server
from server.domain.verdict import day_of
from storage.database.unit_of_work import Database
from tests.support.api import RunningApi, serving, settings_for
from tests.support.quarter import BUSY, PLAIN, ZONE, Quarter

ROOT = Path(__file__).resolve().parents[2]
PICTURES, GUIDES = ROOT / "deploy" / "pictures", ROOT / "deploy" / "guides"
LANGUAGES = {"zh-CN": "zh", "en": "en"}
DESK, TELEPHONE = (1280, 800), (390, 844)
SHOTS = {
    "operator-setup": ("boss", f"/sites/{PLAIN}/setup", DESK),
    "auditor-region": ("police", "/compliance", DESK),
    "auditor-calendar": ("police", f"/sites/{PLAIN}/calendar", DESK),
    "auditor-day": ("police", f"/sites/{BUSY}/days/{{yesterday}}", DESK),
    "auditor-wall": ("police", "/wall", DESK),
    "parent-start": ("mum", "/live", TELEPHONE),
}
BYTES_MAX = 150_000
FEWER_COLOURS = 0xF8
ROUGH = (32, 20)
FAR_MAX = 12.0
"""Of 255, the mean over a rough grid: a page that was laid out anew is further away than other fonts are."""


@pytest.fixture(scope="module")
def town(tmp_path_factory, sqlite_template) -> Iterator[tuple[Quarter, RunningApi]]:
    folder = tmp_path_factory.mktemp("town")
    shutil.copy(sqlite_template, folder / "nightlight.db")
    database = Database(f"sqlite:///{folder / 'nightlight.db'}")
    quarter = Quarter(database, sites=12, days=75, cameras=(5, 9)).fill()
    quarter.ring(BUSY)
    with serving(load_server(settings_for(database, folder)), quarter.nursery.clock) as running:
        yield quarter, running
    database.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pictures_look_like_the_pages(town, browser: Browser, request, tmp_path, language):
    quarter, running = town
    update, changed = request.config.getoption("--update-pictures"), []
    yesterday = day_of(quarter.now_us, ZONE) - timedelta(days=1)
    for name, (reader, path, (width, height)) in SHOTS.items():
        context = browser.new_context(
            viewport={"width": width, "height": height}, locale=language, reduced_motion="reduce"
        )
        quarter.nursery.session(reader)
        token = quarter.nursery.tokens[reader]
        context.add_cookies([{"name": "nightlight", "value": token, "url": running.url, "sameSite": "Strict"}])
        page = context.new_page()
        answer = page.goto(running.url + path.format(yesterday=yesterday))
        assert answer is not None
        assert answer.status == 200, path
        file = f"{name}-{LANGUAGES[language]}.png"
        taken = cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_COLOR) & FEWER_COLOURS
        context.close()
        if update:
            cv2.imwrite(str(PICTURES / file), taken, [cv2.IMWRITE_PNG_COMPRESSION, 9])
            assert (PICTURES / file).stat().st_size <= BYTES_MAX, file
        elif (far := apart(taken, cv2.imread(str(PICTURES / file)))) > FAR_MAX:
            cv2.imwrite(str(tmp_path / file), taken)
            changed.append(f"{file}: {far:.1f}, now {tmp_path / file}")
    assert not changed, (
        "pictures of the guides are old; look, then: dev.py test tests/browser --update-pictures " + str(changed)
    )


def test_every_picture_of_a_guide_is_there_and_every_guide_is_in_both_languages():
    guides = {guide.name for guide in GUIDES.glob("*.md")}
    assert guides == {f"{who}.{tag}.md" for who in ("operator", "auditor", "parent") for tag in LANGUAGES}
    for name in guides:
        text = (GUIDES / name).read_text()
        shown = {part.partition(")")[0] for part in text.split("](../pictures/")[1:]}
        assert shown, name
        missing = {file for file in shown if not (PICTURES / file).is_file()}
        assert not missing, name


def apart(one: np.ndarray, other: np.ndarray | None) -> float:
    """The mean difference of two pictures on a rough grid; far for pictures of other sizes."""
    if other is None or one.shape != other.shape:
        return 255.0
    small = [cv2.resize(each, ROUGH, interpolation=cv2.INTER_AREA).astype(float) for each in (one, other)]
    return float(np.abs(small[0] - small[1]).mean())
