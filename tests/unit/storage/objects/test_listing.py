"""Listings read by hand: what is stated, what is refused, and that nothing incomplete passes for a listing."""

import pytest

from config.base.errors import NotFound, PermissionDenied, Unavailable
from storage.objects.listing import VersionLister
from storage.objects.signing import Answer

STATED = (
    "<UserMetadata><content-type>video/mp4</content-type><x-amz-object-lock-mode>COMPLIANCE</x-amz-object-lock-mode>"
    "<x-amz-object-lock-retain-until-date>2026-12-01T06:29:26.000Z</x-amz-object-lock-retain-until-date></UserMetadata>"
)


def version(key: str = "a/b.mp4", version_id: str = "v1", more: str = "") -> str:
    return (
        f"<Version><Key>{key}</Key><LastModified>2026-11-22T06:29:26.757Z</LastModified><ETag>&#34;d176&#34;</ETag>"
        f"<Size>18</Size>{more}<IsLatest>true</IsLatest><VersionId>{version_id}</VersionId></Version>"
    )


def page(*versions: str, after: str = "", encoding: str = "") -> Answer:
    body = (
        '<?xml version="1.0"?><ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<IsTruncated>{'true' if after else 'false'}</IsTruncated>{after}{''.join(versions)}{encoding}</ListVersionsResult>"
    )
    return Answer(200, {}, body.encode())


class Store:
    """Gives the answers in turn, and keeps what was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers, self.asked = list(answers), []

    def send(self, method, key, *, query, bytes_max):
        self.asked.append(dict(query))
        return self.answers.pop(0)


def test_a_lock_is_taken_from_where_the_store_states_it() -> None:
    lister = VersionLister(Store(page(version(more=STATED), "<DeleteMarker><Key>a/c</Key></DeleteMarker>")))
    stated, marker = lister.versions("a/", stating=True)
    assert (stated.key, stated.version_id, stated.size_bytes, stated.etag) == ("a/b.mp4", "v1", 18, "d176")
    assert (stated.retention_mode, stated.retain_until_us) == ("COMPLIANCE", 1_796_106_566_000_000)
    assert (marker.is_delete_marker, marker.retention_mode) == (True, None)
    assert lister.states_locks


@pytest.mark.parametrize(
    ("more", "seen"),
    [
        ("", (None, None)),
        (STATED.replace("COMPLIANCE", "GOVERNANCE"), ("GOVERNANCE", 1_796_106_566_000_000)),
        (STATED.replace("2026-12-01", "soon"), ("COMPLIANCE", 0)),
        (STATED.replace("COMPLIANCE", "FOREVER"), (None, 1_796_106_566_000_000)),
    ],
)
def test_a_lock_that_is_not_stated_or_makes_no_sense_is_no_lock(more: str, seen: tuple[str | None, int | None]) -> None:
    lister = VersionLister(Store(page(version(more=more))))
    (found,) = lister.versions("a/", stating=True)
    assert (found.retention_mode, found.retain_until_us) == seen


def test_markers_stand_in_order_of_their_keys_among_the_versions() -> None:
    lister = VersionLister(Store(page(version("a/b"), version("a/d"), "<DeleteMarker><Key>a/c</Key></DeleteMarker>")))
    assert [found.key for found in lister.versions("a/", stating=False)] == ["a/b", "a/c", "a/d"]


def test_a_store_that_refuses_the_question_is_asked_plainly_from_then_on() -> None:
    refused = Answer(501, {}, b"<Error><Code>NotImplemented</Code></Error>")
    store = Store(refused, page(version()), page(version()))
    lister = VersionLister(store)
    for _ in range(2):
        assert len(list(lister.versions("a/", stating=True))) == 1
    assert ["metadata" in query for query in store.asked] == [True, False, False]
    assert not lister.states_locks


def test_pages_follow_one_another_and_encoded_keys_are_decoded() -> None:
    after = "<NextKeyMarker>a%2Fb+1</NextKeyMarker><NextVersionIdMarker>v1</NextVersionIdMarker>"
    encoding = "<EncodingType>url</EncodingType>"
    store = Store(page(version("a%2Fb+1"), after=after, encoding=encoding), page(version("a/c+1", "v2")))
    found = [(one.key, one.version_id) for one in VersionLister(store).versions("a/", stating=False)]
    assert found == [("a/b 1", "v1"), ("a/c+1", "v2")]
    assert (store.asked[1]["key-marker"], store.asked[1]["version-id-marker"]) == ("a/b 1", "v1")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (page(version(), after="<NextKeyMarker></NextKeyMarker>"), Unavailable),
        (Answer(200, {}, b"<html></html>"), Unavailable),
        (Answer(200, {}, page(version()).body[:-30]), Unavailable),
        (Answer(418, {}, b"tea"), Unavailable),
        (Answer(503, {}, b""), Unavailable),
        (Answer(403, {}, b"<Error><Code>AccessDenied</Code></Error>"), PermissionDenied),
        (Answer(404, {}, b"<Error><Code>NoSuchBucket</Code></Error>"), NotFound),
    ],
    ids=["endless", "no listing", "torn", "no store", "busy", "denied", "no bucket"],
)
def test_what_is_no_whole_listing_is_an_error(answer: Answer, error: type[Exception]) -> None:
    with pytest.raises(error):
        list(VersionLister(Store(answer)).versions("a/", stating=True))


def test_a_listing_that_comes_back_to_where_it_was_ends() -> None:
    after = "<NextKeyMarker>a/b.mp4</NextKeyMarker><NextVersionIdMarker>v1</NextVersionIdMarker>"
    with pytest.raises(Unavailable, match="does not advance"):
        list(
            VersionLister(Store(page(version(), after=after), page(version(), after=after))).versions(
                "a/", stating=False
            )
        )
