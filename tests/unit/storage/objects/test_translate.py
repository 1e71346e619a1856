import pytest

from config.base.errors import (
    InvalidInput,
    NightlightError,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unavailable,
)
from storage.objects.translate import from_answer


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (404, "NoSuchKey", "", NotFound),
        (404, "NoSuchVersion", "", NotFound),
        (404, "", "", NotFound),
        (403, "AccessDenied", "", PermissionDenied),
        (403, "SignatureDoesNotMatch", "", PermissionDenied),
        (403, "RequestTimeTooSkewed", "", Unavailable),
        (400, "InvalidRequest", "Object is WORM protected and cannot be overwritten", PermissionDenied),
        (400, "InvalidRequest", "the retain until date must be in the future", InvalidInput),
        (400, "BadDigest", "", InvalidInput),
        (429, "TooManyRequests", "", Unavailable),
        (503, "SlowDown", "", Unavailable),
        (500, "InternalError", "", Unavailable),
        (502, "", "", Unavailable),
        (507, "XMinioStorageFull", "", ResourceExhausted),
    ],
)
def test_each_refusal_has_its_place_in_the_tree(
    status: int, code: str, message: str, kind: type[NightlightError]
) -> None:
    assert type(from_answer("doing", status, code, message)) is kind
