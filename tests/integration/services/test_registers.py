"""The registers as files: what an import would do, all of it or nothing, and who may."""

import io
import sys
import zipfile
from pathlib import Path

import pytest
import xlsxwriter
from sqlalchemy import func, select

from config.base.errors import Conflict, InvalidInput, NotFound
from config.evidence.entries import PackChosen, decode
from config.policies.metrics import FACTS, METRICS
from server.admin.__main__ import main
from server.domain.registers.words import ANSWERS, SITE_RECORDS, STAFF_RECORDS
from server.services.cameras.configure_cameras import CameraConfigurer
from server.services.registers.export_registers import RegisterExporter, template
from server.services.registers.import_registers import RegisterImporter
from server.services.registers.read_sheets import read_sheets
from server.services.registers.register import Register
from server.web.languages import load_languages
from server.web.register_wording import FAULT, fault_text, place_text
from storage.database import models
from storage.database.scope import AUDITOR, OPERATOR, Scope, visible_sites
from storage.database.unit_of_work import Database
from tests.support.clock import SimulatedClock
from tests.support.sites import SigningAgent

LIN = Scope("lin", OPERATOR)
ALL = Scope("auditor", AUDITOR, "*")
SITE = "sunflower"
GB = "51050400001320000001"


@pytest.fixture
def importer(database: Database, clock: SimulatedClock, agent: SigningAgent) -> RegisterImporter:
    """Sunflower, which lin operates, with a toilet; and a boat that is nobody's."""
    register = Register(database, clock)
    register.add_site("boat", "小船", "cn/zhejiang", "Asia/Shanghai")
    register.add_zone(SITE, "wc", "卫生间", "toilet")
    register.add_zone(SITE, "hall", "活动室", "activity")
    with database.unit_of_work() as session:
        session.add(models.Account(name="lin", role=OPERATOR, password_hash="", created_us=1))
        session.flush()
        session.add(models.AccountSite(account_name="lin", site_id=SITE))
    return RegisterImporter(database, clock)


SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""For what a database has no part in."""


def workbook(**sheets: list[list[object]]) -> bytes:
    """An .xlsx of these sheets."""
    written = io.BytesIO()
    book = xlsxwriter.Workbook(written)
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for number, row in enumerate(rows):
            for at, cell in enumerate(row):
                sheet.write(number, at, cell)
    book.close()
    return written.getvalue()


def faults(report) -> list[tuple[int, str, str]]:
    for fault in report.faults:
        for language in load_languages().values():
            assert fault_text(fault, language)
            assert place_text(fault, language)
    return [(fault.row, fault.column, fault.code) for fault in report.faults]


def counts(report) -> list[tuple[str, int, int, int, int]]:
    return [(each.table, each.added, each.changed, each.unchanged, each.removed) for each in report.tables]


def rows_of(database: Database, model: type) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


CAMERAS = (
    f"camera,name,zone,sees,gb28181_id,mac\nnap-room,午睡室 1,nap,,{GB},001a2b3c4d5e\ndoor,大门,hall,nap,,\n".encode()
)


def test_first_what_it_would_do_then_all_of_it(importer, database):
    report = importer.check(LIN, SITE, "cameras", CAMERAS)
    assert faults(report) == []
    assert counts(report) == [("cameras", 1, 1, 0, 0)]
    assert rows_of(database, models.Camera) == 1
    done = importer.put(LIN, SITE, "cameras", CAMERAS, report.fingerprint)
    assert done.done
    with database.reading() as session:
        record = session.get_one(models.CameraRecord, "nap-room")
        assert (record.gb28181_id, record.mac) == (GB, "00:1a:2b:3c:4d:5e")
        assert session.get_one(models.Camera, "door").agent_id == "sunflower-box"
        assert session.scalars(select(models.CameraZone.zone_id)).all() == ["nap"]
        (noted,) = session.scalars(select(models.RegisterImport))
        assert (noted.account_name, noted.added, noted.changed) == ("lin", 1, 1)
    again = importer.put(LIN, SITE, "cameras", CAMERAS)
    assert counts(again) == [("cameras", 0, 0, 2, 0)]
    assert rows_of(database, models.RegisterImport) == 1
    with pytest.raises(Conflict):
        importer.put(LIN, SITE, "cameras", CAMERAS, report.fingerprint)


def test_one_fault_and_nothing_is_changed(importer, database):
    data = CAMERAS + "x,没有场所,nowhere,,,\n".encode()
    report = importer.put(LIN, SITE, "cameras", data)
    assert faults(report) == [(4, "zone", "unknown")]
    assert not report.done
    assert (rows_of(database, models.Camera), rows_of(database, models.CameraRecord)) == (1, 0)


def test_no_camera_comes_to_see_a_forbidden_place_whoever_asks(importer, database, clock):
    for scope, site_id in ((LIN, SITE), (None, SITE)):
        for row in ("door,门,wc,", "door,门,hall,nap; wc", "nap-room,午睡室 1,nap,wc"):
            report = importer.put(scope, site_id, "cameras", f"camera,name,zone,sees\n{row}\n".encode())
            assert [code for _, _, code in faults(report)] == ["forbidden_zone"]
    assert rows_of(database, models.CameraZone) == 0
    Register(database, clock).retire_camera(SITE, "nap-room")
    assert importer.put(LIN, SITE, "cameras", b"camera,sees\nnap-room,wc\n").done
    with pytest.raises(InvalidInput) as refused:
        Register(database, clock).add_camera(SITE, "nap-room", "nap", "sunflower-box", "午睡室 1")
    assert refused.value.code == "forbidden_zone"


def test_what_sees_a_forbidden_place_is_never_set_up(importer, database, clock):
    with database.unit_of_work() as session:
        session.add(models.CameraZone(camera_id="nap-room", zone_id="wc", site_id=SITE))
    with pytest.raises(InvalidInput) as refused:
        CameraConfigurer(database, clock).change(SITE, "nap-room", lambda _: pytest.fail("asked"))
    assert refused.value.code == "forbidden_zone"


def test_out_of_reach_is_not_there(importer, database, clock):
    for work in (importer.check, importer.put):
        with pytest.raises(NotFound):
            work(LIN, "boat", "cameras", CAMERAS)
        with pytest.raises(NotFound):
            work(LIN, None, "cameras", CAMERAS)
    report = importer.check(LIN, SITE, "zones", b"site,zone,name,kind\nboat,deck,Deck,outdoor\n")
    assert faults(report) == [(2, "site", "other_site")]
    exporter = RegisterExporter(database, clock)
    with pytest.raises(NotFound):
        exporter.csv_file(LIN, "boat", "zones", "en")
    with pytest.raises(NotFound):
        exporter.csv_file(ALL, SITE, "children", "en")
    assert "guardians" not in [sheet.name for sheet in read_sheets(exporter.workbook(ALL, SITE, "", "en"))]


def test_what_a_site_is_judged_by_is_not_its_operators_to_change_and_stands_in_its_ledger(importer, database):
    data = b"site,name,star_rating,places,region\nsunflower,Sunflower,5,60,cn/zhejiang\n"
    assert [column for _, column, _ in faults(importer.check(LIN, SITE, "sites", data))] == ["region", "star_rating"]
    assert faults(importer.check(LIN, SITE, "sites", b"site,name\nnew,New\n")) == [(2, "site", "other_site")]
    assert faults(importer.check(LIN, SITE, "regions", b"code,name,level\nCN,China,country\n")) == [
        (0, "", "central_table")
    ]
    assert counts(importer.put(None, None, "sites", data)) == [("sites", 0, 1, 0, 0)]
    assert counts(importer.put(LIN, SITE, "sites", b"places,star_rating\n61,5\n")) == [("sites", 0, 1, 0, 0)]
    importer.put(None, None, "sites", b"site,policy_pack\nsunflower,yongan\n")
    importer.put(None, None, "sites", b"site,policy_pack,places\nsunflower,yongan,62\n")
    with database.reading() as session:
        entry = decode(session.scalars(select(models.LedgerEntry)).one().body)
    assert isinstance(entry, PackChosen)
    assert (entry.pack, entry.replaces, entry.by) == ("yongan", None, "server-admin")
    banned = b"staff,name,role,banned\n7,A,guard,yes\n"
    assert faults(importer.check(LIN, SITE, "staff", banned)) == [(2, "banned", "authority")]


def test_regions_are_adopted_by_their_codes_and_scopes_have_levels(importer, database):
    tree = (
        "区划代码,路径,上级代码,级别,名称\n"
        "510504,,510500,县级,龙马潭区\nCN,cn,,国家,中国\n510000,cn/sichuan,CN,省级,四川省\n"
        "510500,cn/sichuan/luzhou,510000,市级,泸州市\n510504001,,510504,乡级,小市街道\n"
    ).encode("gbk")
    report = importer.put(None, None, "regions", tree)
    assert faults(report) == []
    assert counts(report) == [("regions", 2, 3, 0, 0)]
    assert counts(importer.check(None, None, "regions", tree)) == [("regions", 0, 0, 5, 0)]
    town = "cn/sichuan/luzhou/510504/510504001"
    assert importer.put(None, None, "sites", b"site,name,region\nlamp,Lamp,510504001\nmoon,Moon,cn/sichuan\n").done
    with database.reading() as session:
        entries = [decode(row.body) for row in session.scalars(select(models.LedgerEntry))]
        chosen = {(one.site_id, one.pack) for one in entries if isinstance(one, PackChosen)}
        assert chosen == {("lamp", "luzhou-longmatan"), ("moon", "cn-national-base")}, "where nobody names one"
        assert session.get_one(models.Site, "lamp").region == town
        for region in ("cn", "cn/sichuan/luzhou", "cn/sichuan/luzhou/510504", town):
            assert "lamp" in [site.id for site in session.scalars(visible_sites(Scope("a", AUDITOR, region)))]
        assert not list(session.scalars(visible_sites(Scope("a", AUDITOR, f"{town}x"))))


REGION = "code,path,parent,level,name\n"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("A,,B,city,a\nB,,A,city,b\nC,,C,city,c\n", ["circle", "circle", "circle"]),
        ("A,,NONE,city,a\n", ["unknown_parent"]),
        ("CN,cn,,country,x\n510000,,CN,city,x\n", []),
        ("CN,cn,,country,x\n510500,,CN,province,x\n", ["not_a_level_code"]),
        ("CN,cn,,country,x\n510000,,CN,province,x\n330100,,510000,city,x\n", ["code_of_parent"]),
        ("US,,,country,x\nCA,,US,country,x\n", ["level_order"]),
        ("KR,kr/x,,country,x\n", ["path_of_parent"]),
        ("510500,cn/sichuan/luzhou,cn/sichuan,city,x\n510500x,,,city,x\n", []),
        ("CN,cn,,country,x\nZJ,cn/sichuan/luzhou,cn,country,x\n", ["region_moves"]),
        ("KR,,,,x\n", ["needed"]),
        ("KR,,,country,\n", ["needed"]),
        ("汉,,,country,x\n", ["not_a_code"]),
        ("KR,a b,,country,x\n", ["not_a_path"]),
    ],
)
@SQLITE
def test_a_region_that_cannot_stand(importer, rows, expected):
    assert [code for _, _, code in faults(importer.check(None, None, "regions", (REGION + rows).encode()))] == expected


def test_people_come_by_one_workbook_and_children_may_go(importer, database):
    sheets = {
        "班级": [["班级编号", "名称", "班型", "幼儿数", "场所编号"], ["c1", "小一班", "托小班", 12, "hall"]],
        "幼儿": [["幼儿代号", "班级编号"], ["k-1", "c1"], ["k-2", "c1"]],
        "监护人": [["监护人代号", "幼儿代号", "联系方式"], ["g-1", "k-1; k-2", "a@example.org"]],
        "人员": [["人员编号", "姓名", "岗位", "入职日期"], ["s-7", "王一", "保安员", "2024年3月1日"]],
        "证书与检查": [
            ["人员编号", "事项", "完成日期", "有效期至"],
            ["s-7", "保安员证", "2024/3/1", ""],
            ["", "消防演练", "2024.5.1", ""],
        ],
        "报警分区": [["报警主机", "分区号", "名称", "布防方式"], ["panel-1", 1, "紧急", "即时防区"]],
        "报警点位": [["报警主机", "分区号", "防区号", "名称", "点位类型"], ["panel-1", 1, "001", "按钮", "紧急按钮"]],
        "说明": [["whatever"]],
    }
    report = importer.put(LIN, SITE, "", workbook(**sheets))
    assert faults(report) == []
    assert report.done
    with database.reading() as session:
        assert session.get_one(models.ClassGroup, (SITE, "c1")).size == 12
        assert session.get_one(models.DatedRecord, (SITE, "s-7", "guard_certificate", "2024-03-01"))
        assert session.get_one(models.AlarmPoint, (SITE, "panel-1", "1", "001"))
    gone = importer.put(LIN, SITE, "children", "child,remove\nk-1,是\n".encode())
    assert counts(gone) == [("children", 0, 0, 0, 1)]
    assert (rows_of(database, models.Child), rows_of(database, models.GuardianChild)) == (1, 1)


def test_a_cameras_number_may_pass_from_one_to_the_other(importer, database):
    other = "51050400001310000002"
    importer.put(LIN, SITE, "cameras", CAMERAS)
    importer.put(LIN, SITE, "cameras", f"camera,gb28181_id\ndoor,{other}\n".encode())
    taken = importer.check(LIN, SITE, "cameras", f"camera,gb28181_id\ndoor,{GB}\nnap-room,{GB}\n".encode())
    assert [code for _, _, code in faults(taken)] == ["taken"]
    swapped = importer.put(LIN, SITE, "cameras", f"camera,gb28181_id\ndoor,{GB}\nnap-room,{other}\n".encode())
    assert swapped.done
    with database.reading() as session:
        assert session.get_one(models.CameraRecord, "door").gb28181_id == GB


def test_what_goes_out_comes_in_again_unchanged_and_is_no_formula(importer, database, clock):
    data = b'camera,maker,place\nnap-room,"=HYPERLINK(""x"")",@there\n'
    assert importer.put(LIN, SITE, "cameras", data).done
    exporter = RegisterExporter(database, clock)
    for language in ("zh-CN", "en"):
        text = exporter.csv_file(LIN, SITE, "cameras", language)
        assert "\"'=HYPERLINK" in text
        assert ",'@there," in text
        assert counts(importer.check(LIN, SITE, "cameras", text.encode())) == [("cameras", 0, 0, 1, 0)]
        book = exporter.workbook(LIN, SITE, "", language)
        assert b"<f>" not in b"".join(
            zipfile.ZipFile(io.BytesIO(book)).read(name) for name in ("xl/worksheets/sheet3.xml",)
        )
        back = importer.check(LIN, SITE, "", book)
        assert faults(back) == []
        assert sum(each.changed + each.added for each in back.tables) == 0
        assert counts(importer.check(LIN, SITE, "", template("", language)))
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(models.AccessRecord)) == 2


@pytest.mark.parametrize(
    ("table", "text", "expected"),
    [
        ("cameras", "camera,gb28181_id\nnap-room,123\n", (2, "gb28181_id", "not_gb28181")),
        ("cameras", "camera,gb28181_id\nnap-room,51050400001180000001\n", (2, "gb28181_id", "not_a_camera_type")),
        ("cameras", "camera,gb28181_id\nnap-room,5.10504E+19\n", (2, "gb28181_id", "rounded_number")),
        ("cameras", "camera,mac\nnap-room,00:11\n", (2, "mac", "not_a_mac")),
        ("cameras", "camera,installed_on\nnap-room,2026-02-30\n", (2, "installed_on", "not_a_day")),
        ("cameras", "camera,maker\nnap-room,#REF!\n", (2, "maker", "formula_error")),
        ("cameras", "camera,maker\nnap-room," + "x" * 200 + "\n", (2, "maker", "too_long")),
        ("cameras", "camera,maker\nnap-room,a\u202eb\n", (2, "maker", "unprintable")),
        ("cameras", "camera,agent\nnap-room,other\n", (2, "agent", "fixed")),
        ("cameras", "camera,name,zone,agent\nx,X,nap,other\n", (2, "agent", "unknown_agent")),
        ("cameras", "camera,zone\nnew,hall\n", (2, "name", "needed")),
        ("cameras", "camera,makr\nnap-room,x\n", (1, "makr", "unknown_column")),
        ("cameras", "camera,camera\nnap-room,x\n", (1, "camera", "column_twice")),
        ("cameras", "maker\nx\n", (1, "camera", "no_column")),
        ("cameras", "camera,maker\nnap-room,a,b\n", (2, "", "too_many_cells")),
        ("cameras", "camera,\nnap-room,a\n", (2, "", "cell_without_heading")),
        ("cameras", "camera\nnap-room\nNAP-ROOM\n", (3, "camera", "twice")),
        ("cameras", 'camera,maker\nnap-room,"a\n', (2, "", "bad_csv")),
        ("zones", "zone,name,kind\nx,X,kichen\n", (2, "kind", "not_an_answer")),
        ("zones", "zone,name,kind,required\nx,X,toilet,yes\n", (2, "required", "forbidden_required")),
        ("zones", "zone,kind\nwc,corridor\n", (2, "kind", "fixed")),
        ("zones", "zone,name,kind,required\nx,X,kitchen,maybe\n", (2, "required", "not_yes_no")),
        ("zones", "zone,name,kind\n厨房,X,kitchen\n", (2, "zone", "not_an_id")),
        ("sites", "places\n-3\n", (2, "places", "not_in_range")),
        ("sites", "timezone\nUTC\n", (2, "timezone", "fixed")),
        ("alarm_areas", "panel,partition,name,arming,hours\np,1,x,interior,night\n", (2, "hours", "not_hours")),
        ("alarm_areas", "panel,partition,name,arming\np,一,x,interior\n", (2, "partition", "not_a_point")),
        ("alarm_points", "panel,partition,point,name,kind\np,1,1,x,panic\n", (2, "partition", "unknown")),
        ("staff", "staff,name,role,hired_on,left_on\n1,A,cook,2024-01-02,2024-01-01\n", (2, "left_on", "day_order")),
        ("records", "staff,record,done_on\n9,training,2024-01-01\n", (2, "staff", "unknown")),
        ("records", "staff,record,done_on\n,training,2024-01-01\n", (2, "staff", "needed")),
        ("records", "staff,record,done_on\n9,fire_drill,2024-01-01\n", (2, "staff", "no_staff_here")),
        ("records", "record,done_on\nfire_drill,2099-01-01\n", (2, "done_on", "future_day")),
        ("children", "child,class\nk,c9\n", (2, "class", "unknown")),
        ("children", "child,remove\nk,yes\n", (2, "child", "nothing_to_remove")),
        ("guardians", "guardian,children,contact\ng,k,x\n", (2, "contact", "not_a_contact")),
        ("", "camera\nnap-room\n", (0, "", "which_table")),
        ("cameras", "\n", (0, "", "empty_file")),
    ],
)
@SQLITE
def test_a_row_that_cannot_stand_is_named_with_its_column(importer, table, text, expected):
    report = importer.put(LIN, SITE, table, text.encode())
    assert faults(report) == [expected]
    assert not report.done


@SQLITE
def test_the_servers_own_columns_are_checked_too(importer):
    head = b"site,name,region,timezone,policy_pack\n"
    for row, code in (
        (b"x,X,cn/nowhere,,", "unknown"),
        (b"x,X,cn,Mars/Base,", "unknown_timezone"),
        (b"x,X,cn,,weihei", "unknown_pack"),
    ):
        assert [found for _, _, found in faults(importer.check(None, None, "sites", head + row))] == [code]
    assert faults(importer.check(None, None, "sites", head + b"x,X,cn,,weihai")) == []
    assert faults(importer.check(None, None, "zones", b"site,zone,name,kind\nno,z,Z,office\n")) == [
        (2, "site", "unknown")
    ]


@SQLITE
def test_too_many_rows_are_counted_and_refused(importer, monkeypatch):
    monkeypatch.setattr("server.domain.registers.sheets.ROWS_MAX", 3)
    data = "zone,name,kind\n" + "".join(f"z{number},Z,office\n" for number in range(5))
    assert faults(importer.check(LIN, SITE, "zones", data.encode())) == [(5, "", "too_many_rows")]
    monkeypatch.setattr("server.domain.registers.sheets.FAULTS_MAX", 2)
    report = importer.check(LIN, SITE, "zones", b"zone,name,kind\n1,,office\n2,,office\n3,,office\n")
    assert (len(report.faults), report.fault_count) == (2, 3)


@pytest.fixture
def admin(database: Database, tmp_path: Path, monkeypatch, capfd):
    """Runs one command; its status, and what it printed."""
    file = tmp_path / "server.toml"
    url = database.engine.url.render_as_string(hide_password=False)
    file.write_text(f'[server]\nstate_dir = "{tmp_path}"\n[database]\nurl = "{url}"\n')

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["server.admin", "--settings", str(file), *arguments])
        capfd.readouterr()
        status = main()
        printed = capfd.readouterr()
        return status, printed.out + printed.err

    return lambda *arguments: run("inventory", *arguments) if arguments[0] != "site" else run(*arguments)


@SQLITE
@pytest.mark.usefixtures("importer")
def test_the_commands_speak_both_languages(admin, database, tmp_path):
    file = tmp_path / "区域.csv"
    file.write_bytes("园所编号,场所编号,名称,场所类型\nsunflower,k,厨房,厨房\n".encode("gbk"))
    assert admin("import", str(file), "--table", "zones")[1].startswith("场所: 新增 1")
    added = ("site", "add", "kite", "--name", "风筝", "--region", "cn/sichuan")
    assert ["cn-national-base" in admin(*added)[1] for _ in range(2)] == [True, False], "it is chosen once"
    file.write_bytes("园所编号,场所编号,名称,场所类型\nsunflower,k,".encode() + "厨房,厨房\n".encode("gbk"))
    assert "第 2 行 · “名称”列" in admin("import", str(file), "--table", "zones")[1]
    file.write_bytes("园所编号,场所编号,名称,场所类型\nsunflower,k,厨房,厨房\n".encode("gbk"))
    assert "1 added" in admin("import", str(file), "--table", "zones", "--language", "en", "--yes")[1]
    assert rows_of(database, models.Zone) == 4
    file.write_text("zone,name\nx,\n")
    status, printed = admin("import", str(file), "--table", "zones", "--site", SITE)
    assert status == 1
    assert "第 2 行" in printed
    book = tmp_path / "all.xlsx"
    assert admin("export", str(book), "--site", SITE)[0] == 0
    assert admin("export", str(tmp_path / "regions.csv"), "--table", "regions")[0] == 0
    assert admin("import", str(book), "--language", "en")[0] == 0
    assert admin("export", str(tmp_path / "z.csv"), "--table", "zones")[0] == 0
    assert admin("template", str(tmp_path / "t.xlsx"))[0] == 0
    assert admin("export", str(tmp_path / "z.csv"))[0] == 1
    assert admin("template", str(tmp_path / "z.csv"))[0] == 1
    assert admin("import", str(tmp_path / "none"))[0] == 2
    assert admin("export", str(tmp_path / "no" / "x.xlsx"))[0] == 2


def test_the_words_are_those_of_the_policy_packs():
    for vocabulary, fact in (
        ("type", "site.type"),
        ("ownership", "site.ownership"),
        ("reg799_class", "site.reg799_class"),
        ("zone_kind", "zone.kind"),
        ("class_kind", "class.kind"),
        ("role", "staff.role"),
    ):
        assert set(ANSWERS[vocabulary]) == set(FACTS[fact])
    assert set(ANSWERS["record"]) == {*SITE_RECORDS, *STAFF_RECORDS}
    assert {METRICS[name].subject for name in SITE_RECORDS} == {"site"}
    assert {METRICS[name].subject for name in STAFF_RECORDS} == {"staff"}
    assert all(len(set(words.values())) == len(words) for words in ANSWERS.values())
    assert FAULT
