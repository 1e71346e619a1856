"""Foreign errors into ours: what the S3 SDK and its HTTP library raise, as the error tree names it.

Source: Amazon S3 API, error responses; for MinIO and SeaweedFS, what the conformance suite met.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from xml.etree.ElementTree import ParseError

import urllib3
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError

from config.base.errors import InvalidInput, NightlightError, NotFound, PermissionDenied, ResourceExhausted, Unavailable

CLOCKS_APART = "the clocks of this machine and of the store are too far apart: set both by NTP"
_MISSING = frozenset({"NoSuchKey", "NoSuchVersion", "NoSuchBucket", "ResourceNotFound", "NoSuchUpload"})
_FULL = frozenset({"XMinioStorageFull", "QuotaExceeded", "XMinioAdminBucketQuotaExceeded"})
_LATER = frozenset({"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "XMinioServerNotInitialized"})
_SKEWED = frozenset({"RequestTimeTooSkewed", "RequestExpired"})
_REFUSED = frozenset({"AccessDenied", "ObjectLocked", "InvalidAccessKeyId", "SignatureDoesNotMatch"})


@contextmanager
def store_errors(doing: str) -> Iterator[None]:
    """Raises one of ours, with ``doing`` in its message, for anything that the SDK raises inside."""
    try:
        yield
    except S3Error as error:
        raise from_answer(doing, error.response.status, error.code or "", error.message or "") from error
    except ServerError as error:
        raise from_answer(doing, error.status_code, "", "no details") from error
    except (InvalidResponseError, ParseError) as error:
        raise Unavailable(f"{doing}: the answer is not that of an S3 server", code="store_not_s3") from error
    except urllib3.exceptions.HTTPError as error:
        raise Unavailable(f"{doing}: no answer ({type(error).__name__})", code="store_unreachable") from error
    except (MinioException, ValueError) as error:
        raise InvalidInput(f"{doing}: {error}") from error


def from_answer(doing: str, status: int, code: str, message: str) -> NightlightError:
    """The error for one refused request."""
    text = f"{doing}: {code or status} {message}".strip()
    if code in _MISSING or status == HTTPStatus.NOT_FOUND:
        return NotFound(text)
    if code in _FULL or status == HTTPStatus.INSUFFICIENT_STORAGE:
        return ResourceExhausted(text, code="store_full")
    if code in _SKEWED:
        # Nothing of the request was judged, and nothing about any object is known by it.
        return Unavailable(f"{text}: {CLOCKS_APART}", code="clocks_apart")
    if code in _LATER or status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS) or status >= 500:
        return Unavailable(text)
    # MinIO answers a delete of a locked version with 400 InvalidRequest and says only in words that it is the lock.
    if code in _REFUSED or status == HTTPStatus.FORBIDDEN or "WORM protected" in message:
        return PermissionDenied(text)
    return InvalidInput(text)
