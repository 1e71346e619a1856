"""Whose fault it is that a recording could not be read or decoded: its own, the store's, or this machine's."""

import hashlib
from collections.abc import Callable, Iterator

import pytest

from config.base.clock import US_PER_S
from config.base.errors import InvalidInput, NightlightError, PermissionDenied, Unavailable
from server.domain.audit import Drift
from server.domain.deep_audit import Footage, Rules
from server.services.audit.look_at_recording import KNOWN_GOOD, Looker, Seen
from storage.database.models import Segment

RULES = Rules(0.42, 0.90, 5_000_000, frozenset())
BYTES = b"footage"
FAILURE = Unavailable("the decoder ended with -9", code="not_decoded")


class Store:
    """Hands out one recording, or what it raises instead."""

    def __init__(self, refusal: NightlightError | None = None) -> None:
        self.refusal = refusal

    def chunks(self, _key: str, _version_id: str) -> Iterator[bytes]:
        if self.refusal is not None:
            raise self.refusal
        yield BYTES


def segment() -> Segment:
    digest = hashlib.sha256(BYTES).hexdigest()
    return Segment(
        id="s", start_us=0, end_us=US_PER_S, received_us=US_PER_S, size_bytes=len(BYTES), sha256=digest, deleted_us=None
    )


def decoder(*answers: NightlightError | None, control: NightlightError | None = None) -> Callable[..., Footage]:
    """Answers one after the other about the recording, and always the same about what is known to be good."""
    left = list(answers)

    def decode(file: object, span_us: int) -> Footage:
        answer = control if getattr(file, "name", None) == str(KNOWN_GOOD) else left.pop(0)
        if answer is not None:
            raise answer
        return Footage(span_us, 1, 1)

    return decode


def look(prober: Callable[..., Footage], store: Store | None = None, *, others: bool = True, last: bool = True) -> Seen:
    return Looker(store or Store(), RULES, prober).look(segment(), lambda: others, last=last)  # type: ignore[arg-type]


def test_a_decoder_that_breaks_down_over_it_alone_and_again_is_its_fault() -> None:
    seen = look(decoder(FAILURE, FAILURE))
    assert (seen.drift, seen.unknown) == (Drift.UNDECODABLE, False)
    assert seen.detail == "breaks the decoder down, which decodes others: the decoder ended with -9"


def test_one_that_broke_down_for_a_moment_accuses_nobody() -> None:
    assert look(decoder(FAILURE, None)) == Seen("s", None, "", len(BYTES), 1)


@pytest.mark.parametrize("control", [FAILURE, InvalidInput("no picture", code="undecodable")])
def test_a_machine_that_decodes_nothing_is_said_to_be_that(control: NightlightError) -> None:
    seen = look(decoder(FAILURE, control=control))
    assert (seen.drift, seen.unknown) == (None, True)
    assert seen.detail == "this machine decodes nothing: the decoder ended with -9"


def test_nothing_is_said_while_there_is_another_try() -> None:
    for prober, store in ((decoder(FAILURE), None), (decoder(), Store(PermissionDenied("no")))):
        with pytest.raises(Unavailable):
            look(prober, store, last=False)


@pytest.mark.parametrize("refusal", [PermissionDenied("denied"), InvalidInput("no such id"), Unavailable("no answer")])
def test_what_a_store_refuses_of_one_version_alone_is_not_there_as_it_was(refusal: NightlightError) -> None:
    seen = look(decoder(), Store(refusal))
    assert (seen.drift, seen.unknown) == (Drift.BYTES_CHANGED, False)


def test_a_store_that_refuses_everything_proves_nothing() -> None:
    assert look(decoder(), Store(PermissionDenied("denied")), others=False).unknown
    with pytest.raises(Unavailable):
        look(decoder(), Store(Unavailable("no answer")), others=False)
