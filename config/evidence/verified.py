"""What a package proves: everything in it was checked, and figures follow from it alone."""

from dataclasses import dataclass

from config.evidence import package
from config.evidence.afterwards import Certified
from config.evidence.entries import DayAttested, DeepAudited
from config.evidence.statements import Vouched
from config.evidence.timestamp import Stamp


@dataclass(frozen=True)
class Verified:
    """What a package proves; every figure in microseconds."""

    index: package.Index
    coverage: package.CoverageStatement
    segments: int
    size_bytes: int
    ledger_size: int
    holds_all: int
    """A checkpoint of this size or more holds every recording of the package."""
    vouched: list[Vouched]
    """Who vouches for the ledger besides the centre, and up to which entry: the site's agents, those handed in, and
    timestamp authorities."""
    attested: list[DayAttested]
    """The attestation in force of each day of the period that has one."""
    deleted: int
    """Recordings of the period that were deleted after their last day, each on a certificate."""
    certified: list[Certified]
    """The certificates of deletion, in the ledger's order."""
    audits: dict[str, DeepAudited | None]
    """The site's deep audits by their ids, oldest first; None where one was asked for and has no result as yet."""
    enrolled: dict[str, str]
    """By public key, the agent that the authority enrolled it for."""
    authority: str
    """SHA-256 of the authority's certificate; empty where the package holds none."""

    @property
    def cosigned(self) -> dict[str, int]:
        """By name, when each witness first saw a ledger that holds every recording here (Unix seconds)."""
        found: dict[str, int] = {}
        for each in self.vouched:
            for name, at_s in each.cosigned.items() if each.size >= self.holds_all else ():
                found[name] = min(at_s, found.get(name, at_s))
        return found

    @property
    def unread_stamps(self) -> bool:
        """Whether there are timestamps that this machine could not read."""
        return any(each.has_stamp and each.stamp is None for each in self.vouched)

    @property
    def stamped(self) -> Stamp | None:
        """The earliest timestamp of a ledger that holds every recording here; one that was checked before all others."""
        stamps = [each.stamp for each in self.vouched if each.stamp is not None and each.size >= self.holds_all]
        return min(stamps, key=lambda stamp: (not stamp.checked, stamp.at_us), default=None)

    @property
    def covered_us(self) -> int:
        return sum(end_us - start_us for start_us, end_us in self.coverage.covered)
