"""What people are asked to consent to, by version. Pure.

Invariant: a consent counts for the text that was shown and for no later one. A change of the text makes a new version here;
then everybody is asked again, and until they answered nothing is seen that needs their word.

Source: 个人信息保护法 articles 14 (informed, voluntary, explicit; new purpose, new consent), 15 (withdrawal), 17, 28 to 31
(sensitive data, separate consent, children under 14).
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

LIVE_VIEW = "live_view"


@dataclass(frozen=True)
class ConsentText:
    """One version, in both languages; the digest of what was shown is kept with each consent."""

    purpose: str
    version: int
    zh_cn: str
    en: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(f"{self.zh_cn}\0{self.en}".encode()).hexdigest()


LIVE_VIEW_TEXTS = (
    ConsentText(
        LIVE_VIEW,
        1,
        "我同意：本班监护人可以在机构设定的时段内，经各自账号实时观看本班活动区域的画面（无声音）。画面不含卫生间、浴室、"
        "更衣、哺乳场所。每一次观看都记入观看记录，我可以随时查看。画面上叠加观看者标识；该标识不能阻止翻拍，但可据以追查。"
        "本同意与其他同意相互独立；不同意不影响入托。我可以随时撤回，撤回立即生效。",
        "I agree that the guardians of this class may look live (without sound) into the rooms of this class, in the hours that "
        "the facility has set, each through their own account. No toilet, bath, changing or nursing room is shown. Every look "
        "is on a record that I may read at any time. The viewer's mark is drawn over the picture; it cannot keep anybody from "
        "taking a photograph of it, but it says whose screen that was. This consent is separate from any other, and saying no "
        "has no effect on my child's place. I may withdraw it at any time, with effect at once.",
    ),
)
CURRENT: Mapping[str, ConsentText] = {LIVE_VIEW: LIVE_VIEW_TEXTS[-1]}


def lacking(wanted: Iterable[tuple[str, str]], given: Collection[tuple[str, str]], orphans: int = 0) -> int:
    """How many of the (guardian, child) or (staff, "") pairs have not said yes; a child without a guardian lacks one."""
    return sum(1 for pair in wanted if pair not in given) + orphans
