"""The tables of the register in the order in which they are imported, and their columns.

Facts of sites, zones, classes and staff have the answers of ``config.policies.metrics.FACTS`` and no others; records are
named for the metric that they are evidence for. By an ``authority`` column a site is judged or found: it is changed from
the command line of whoever runs the server, never by the site's own operator.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from server.domain.registers import cells
from server.domain.registers.cells import CellFault, Reader, Value, plain
from server.domain.registers.words import ANSWERS


@dataclass(frozen=True)
class Column:
    """``zh``: its heading in Chinese. ``needed``: of a row that is new. ``answers``: the vocabulary, where there is one."""

    name: str
    zh: str
    read: Reader
    key: bool = False
    needed: bool = False
    authority: bool = False
    answers: str = ""
    fixed: bool = False
    """Cannot be changed once it is there: what it says of the past would become untrue."""
    unless: Value = None
    """What a key column that is left empty means."""


@dataclass(frozen=True)
class Table:
    """``removable``: a row may ask to be removed. ``private``: about children; for operators of the site alone."""

    name: str
    zh: str
    columns: tuple[Column, ...]
    removable: bool = False
    private: bool = False
    central: bool = False
    """Belongs to no site: for the command line alone."""

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.key)

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


def _choice(name: str, zh: str, vocabulary: str, **more: bool) -> Column:
    known = ANSWERS[vocabulary]
    meant = {zh_word: answer for answer, zh_word in known.items()} | {answer: answer for answer in known}

    def read(text: str) -> Value:
        narrow = plain(text)
        if narrow not in meant and narrow.lower().replace(" ", "_") not in meant:
            raise CellFault("not_an_answer", vocabulary)
        return meant.get(narrow) or meant[narrow.lower().replace(" ", "_")]

    return Column(name, zh, read, answers=vocabulary, **more)


SITE = Column("site", "园所编号", cells.slug, key=True)
NAME = Column("name", "名称", cells.words(), needed=True)
REMOVE = Column("remove", "删除", cells.yes_no)
_TABLES = (
    Table(
        "regions",
        "行政区划",
        (
            Column("code", "区划代码", cells.region_code, key=True),
            Column("path", "路径", cells.region_path, fixed=True),
            Column("parent", "上级代码", cells.words(64), fixed=True),
            _choice("level", "级别", "level", needed=True),
            NAME,
            Column("name_en", "英文名称", cells.words()),
        ),
        central=True,
    ),
    Table(
        "sites",
        "园所",
        (
            SITE,
            NAME,
            Column("region", "行政区划", cells.words(64), needed=True, authority=True),
            Column("timezone", "时区", cells.words(64), fixed=True, authority=True),
            _choice("type", "园所类型", "type"),
            _choice("ownership", "办托性质", "ownership"),
            Column("inclusive", "普惠", cells.yes_no),
            _choice("reg799_class", "条例类别", "reg799_class", authority=True),
            Column("policy_pack", "政策包", cells.words(64), authority=True),
            Column("places", "托位数", cells.whole(0, 10_000)),
            Column("indoor_m2", "室内面积", cells.area),
            Column("outdoor_m2", "室外面积", cells.area),
            Column("star_rating", "星级", cells.whole(1, 5), authority=True),
            _choice("filing_status", "备案状态", "filing_status", authority=True),
            Column("filing_number", "备案编号", cells.words(64), authority=True),
            Column("published", "对外公示", cells.yes_no, authority=True),
        ),
    ),
    Table(
        "zones",
        "场所",
        (
            SITE,
            Column("zone", "场所编号", cells.slug, key=True),
            NAME,
            _choice("kind", "场所类型", "zone_kind", needed=True, fixed=True),
            Column("required", "必须覆盖", cells.yes_no),
        ),
    ),
    Table(
        "cameras",
        "摄像头",
        (
            SITE,
            Column("camera", "摄像头编号", cells.slug, key=True),
            NAME,
            Column("zone", "场所编号", cells.slug, needed=True, fixed=True),
            Column("agent", "园内主机编号", cells.slug, fixed=True),
            Column("sees", "可见的其他场所", cells.many),
            Column("gb28181_id", "国标编号", cells.gb28181),
            Column("maker", "厂商", cells.words()),
            Column("model", "型号", cells.words()),
            Column("firmware", "固件版本", cells.words()),
            Column("mac", "MAC地址", cells.mac),
            Column("place", "安装位置", cells.words()),
            Column("installed_on", "安装日期", cells.day),
            Column("maintainer", "维护单位", cells.words()),
        ),
    ),
    Table(
        "alarm_areas",
        "报警分区",
        (
            SITE,
            Column("panel", "报警主机", cells.slug, key=True),
            Column("partition", "分区号", cells.point, key=True),
            NAME,
            _choice("arming", "布防方式", "arming", needed=True),
            Column("hours", "布防时段", cells.hours),
        ),
    ),
    Table(
        "alarm_points",
        "报警点位",
        (
            SITE,
            Column("panel", "报警主机", cells.slug, key=True),
            Column("partition", "分区号", cells.point, key=True),
            Column("point", "防区号", cells.point, key=True),
            NAME,
            _choice("kind", "点位类型", "point_kind", needed=True),
            Column("zone", "场所编号", cells.slug),
        ),
    ),
    Table(
        "staff",
        "人员",
        (
            SITE,
            Column("staff", "人员编号", cells.slug, key=True),
            Column("name", "姓名", cells.words(), needed=True),
            _choice("role", "岗位", "role", needed=True),
            Column("hired_on", "入职日期", cells.day),
            Column("left_on", "离职日期", cells.day),
            Column("banned", "终身禁入", cells.yes_no, authority=True),
        ),
    ),
    Table(
        "records",
        "证书与检查",
        (
            SITE,
            Column("staff", "人员编号", cells.slug, key=True, unless=""),
            _choice("record", "事项", "record", key=True),
            Column("done_on", "完成日期", cells.day, key=True),
            Column("valid_until", "有效期至", cells.day),
            Column("reference", "证书或文号", cells.words()),
        ),
    ),
    Table(
        "classes",
        "班级",
        (
            SITE,
            Column("class", "班级编号", cells.slug, key=True),
            NAME,
            _choice("kind", "班型", "class_kind", needed=True),
            Column("size", "幼儿数", cells.whole(0, 1_000)),
            Column("carers", "保育人员数", cells.whole(0, 1_000)),
            Column("zone", "场所编号", cells.slug),
        ),
    ),
    Table(
        "children",
        "幼儿",
        (
            SITE,
            Column("child", "幼儿代号", cells.slug, key=True),
            Column("class", "班级编号", cells.slug, needed=True),
            REMOVE,
        ),
        removable=True,
        private=True,
    ),
    Table(
        "guardians",
        "监护人",
        (
            SITE,
            Column("guardian", "监护人代号", cells.slug, key=True),
            Column("children", "幼儿代号", cells.many, needed=True),
            Column("contact", "联系方式", cells.contact),
            REMOVE,
        ),
        removable=True,
        private=True,
    ),
)
TABLES: dict[str, Table] = {table.name: table for table in _TABLES}


def named(text: str) -> Table | None:
    """The table of this name, in either language."""
    found = text.strip().lower().replace(" ", "_")
    return next((table for table in _TABLES if found == table.name or text.strip() == table.zh), None)


def of_sites(*, private: bool) -> Sequence[Table]:
    """The tables of a site; those about children too where ``private``."""
    return [table for table in _TABLES if not table.central and (private or not table.private)]
