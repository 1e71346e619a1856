"""Which places a camera may look into (invariant I9).

Source: 公共安全视频图像信息系统管理条例 (State Council Order 799), article 8: no camera in a public bath, toilet, changing
or nursing room or a staff rest room; consent does not override that.
"""

from collections.abc import Iterable

from config.base.errors import InvalidInput
from config.policies.metrics import ALLOWED_ZONE_KINDS, FORBIDDEN_ZONE_KINDS

FORBIDDEN_KINDS, ALLOWED_KINDS = FORBIDDEN_ZONE_KINDS, ALLOWED_ZONE_KINDS


def check_kind(kind: str) -> None:
    """Raises InvalidInput for a word that names no kind of zone."""
    if kind not in FORBIDDEN_KINDS | ALLOWED_KINDS:
        raise InvalidInput(f"no such kind of zone: {kind}. Known: {', '.join(sorted(ALLOWED_KINDS | FORBIDDEN_KINDS))}")


def check_camera_allowed(kind: str) -> None:
    """Raises InvalidInput where a camera in such a zone could never be lawful."""
    if kind in FORBIDDEN_KINDS:
        raise InvalidInput(
            f"a camera must not look into a {kind} zone (Order 799, article 8); no consent overrides this",
            code="forbidden_zone",
        )


def check_sees_allowed(kinds: Iterable[str]) -> None:
    """The same for every place that a camera sees. Raises InvalidInput."""
    for kind in sorted(kinds):
        check_camera_allowed(kind)
