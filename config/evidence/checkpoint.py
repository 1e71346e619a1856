"""A checkpoint: what a ledger says it holds at one moment, in three lines.

    nightlight.example/ledger/rainbow
    20852332
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

Invariant: of two checkpoints of one ledger the larger continues the smaller, or somebody can prove that it does not.

Source: C2SP tlog-checkpoint (https://c2sp.org/tlog-checkpoint).
"""

import base64
import binascii
from typing import NamedTuple

from config.base.errors import InvalidInput
from config.evidence.merkle import HASH_BYTES, LEAVES_MAX

ORIGIN_CHARS_MAX = 200


class Checkpoint(NamedTuple):
    """``size`` entries whose root is ``root`` (32 bytes); ``origin`` names the ledger."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Raises InvalidInput; what ``text`` would not write again is no checkpoint."""
        try:
            origin, size, root, rest = text.split("\n", 3)
            found = cls(origin, int(size), base64.b64decode(root, validate=True))
        except (ValueError, binascii.Error) as error:
            raise InvalidInput("not a checkpoint", code="malformed") from error
        within = 0 < len(origin) <= ORIGIN_CHARS_MAX and 0 <= found.size <= LEAVES_MAX
        if rest or not within or len(found.root) != HASH_BYTES or found.text() != text:
            raise InvalidInput("not a checkpoint", code="malformed")
        return found
