"""Weekly hours as people write them in Chinese, and as the rules read them. Pure.

    to_code("周一至周五 9:00-11:00；周六 09:00－12:00")  → "mon-fri 09:00-11:00; sat 09:00-12:00"
    to_words("mon-fri 09:00-11:00", "zh-CN")           → "周一至周五 09:00-11:00"

What is not understood is left as it is: whoever reads the hours says what is wrong with it.
"""

import re

from server.domain.weekly_hours import DAYS

SIGNS = "一二三四五六日"
CHINESE = "zh-CN"
_SAME = str.maketrans(
    {"；": ";", "：": ":", "，": ";", "、": ";", "－": "-", "–": "-", "—": "-", "～": "-", "~": "-", "　": " "}
)
_DAY = re.compile(r"(?:周|星期|礼拜)([一二三四五六日天])")
_DAYS = re.compile(rf"({'|'.join(DAYS)})\s*[-至到]+\s*({'|'.join(DAYS)})")
_TIMES = re.compile(r"(\d{1,2}):(\d\d)\s*[-至到]+\s*(\d{1,2}):(\d\d)")
_CODE = re.compile(rf"\b({'|'.join(DAYS)})(?:-({'|'.join(DAYS)}))?\b")


def to_code(text: str) -> str:
    """Chinese days, signs and single-digit hours in the words of ``server/domain/weekly_hours.py``."""
    plain = text.translate(_SAME).replace("每天", "mon-sun").replace("工作日", "mon-fri")
    plain = _DAY.sub(lambda day: DAYS[SIGNS.index(day[1].replace("天", "日"))], plain)
    plain = _DAYS.sub(r"\1-\2", plain)
    plain = _TIMES.sub(lambda at: f" {int(at[1]):02}:{at[2]}-{int(at[3]):02}:{at[4]}", plain)
    return re.sub(r"\s+", " ", plain).strip()


def to_words(code: str, language: str) -> str:
    """The same hours for a reader of ``language``, in a form that ``to_code`` takes again."""
    if language != CHINESE:
        return code
    said = _CODE.sub(lambda days: "至".join(f"周{SIGNS[DAYS.index(day)]}" for day in days.groups() if day), code)
    return re.sub(r";\s*", "；", said)
