"""The site's agent as a witness of the site's ledger: what it is shown, and what it says to that.

Invariant: an agent cosigns a checkpoint only if it continues the one that it keeps, and keeps it before it signs: of two
contradicting ledgers it never signs both, whatever happens in between.

Source: C2SP tlog-witness, tlog-cosignature (https://c2sp.org), over the agent's own connection in place of HTTP.
"""

from typing import Annotated, Literal

import msgspec

from config.wire.fields import Count, HexId, Micros, Sha256Hex, Slug

NOTE_CHARS_MAX = 8_192
PROOF_HASHES_MAX = 128

Refusal = Literal["", "forked", "not_continued", "foreign_ledger", "bad_signature", "malformed"]
"""forked          it has the size of the checkpoint that the agent keeps, and another root
not_continued   the proof does not show that it continues the one that the agent keeps
foreign_ledger  it is of another ledger than the one that the agent keeps, or of another site
bad_signature   the server's key did not sign it
malformed       it is no checkpoint
"""


class LedgerCheckpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The newest checkpoint of the site's ledger, and the proof that it continues that of ``older_size``."""

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    note: Annotated[str, msgspec.Meta(min_length=1, max_length=NOTE_CHARS_MAX)]
    """A C2SP signed note."""
    older_size: Count
    """What the agent keeps, as far as the server knows; 0 for nothing."""
    consistency: Annotated[list[Sha256Hex], msgspec.Meta(max_length=PROOF_HASHES_MAX)]


class CheckpointSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent made of a checkpoint of ``size``; durable.

    ``cosigned``: it is kept now, and ``cosignature`` is the agent's signature line. ``other_size``: the proof has to begin
    at ``kept_size``, or the checkpoint is older than that; nothing was signed. ``refused``: nothing was signed or kept.
    """

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    timeline_id: HexId
    at_us: Micros
    outcome: Literal["cosigned", "other_size", "refused"]
    size: Count
    kept_size: Count
    """Of the checkpoint that the agent keeps now; 0 for none."""
    kept_root: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?$(?!\n)")] = ""
    cosignature: Annotated[str, msgspec.Meta(max_length=512)] = ""
    why: Refusal = ""
