"""``ledger``: the sites' ledgers as witnesses and auditors need them.

python -m server.admin ledger request sunflower --from 0 |
    curl --data-binary @- https://witness.example.org/add-checkpoint |
    python -m server.admin ledger cosign sunflower --size 1234
"""

import argparse
import sys
from collections.abc import Callable

from config.base.clock import SystemClock, isoformat
from config.base.errors import ConfigurationError, InvalidInput, NotFound
from config.settings.server import ServerSettings
from server.admin.enrolment import Commands
from server.custody_parts import ledgers_of
from server.runtime import open_database
from server.services.evidence.keep_ledger import LedgerKeeper
from server.services.evidence.outside_witnesses import ANSWER_BYTES_MAX, request, take, witness_keys
from storage.database import ledger, witnesses


def add_commands(verbs_of: Callable[[str, str], Commands]) -> None:
    """Puts the commands of this module among the others."""
    verbs = verbs_of("ledger", "证据账本与见证方 · the ledgers of evidence, and who witnesses them")
    key = verbs.add_parser("key", help="账本公钥 · the key that checkpoints are signed with, for witnesses")
    key.set_defaults(run=_key)
    show = verbs.add_parser("show", help="账本现状与见证情况 · the newest checkpoint, and who has cosigned it")
    show.set_defaults(run=_show)
    asked = verbs.add_parser("request", help="向见证方提交的请求 · what a witness is asked to sign (C2SP tlog-witness)")
    asked.set_defaults(run=_request)
    asked.add_argument("--from", type=int, default=0, dest="older", help="见证方已有的条数 · the size that it keeps")
    cosign = verbs.add_parser("cosign", help="录入见证方的会签（标准输入）· take in what a witness signed, from stdin")
    cosign.set_defaults(run=_cosign)
    cosign.add_argument("--size", type=int, required=True, help="检查点的条数 · the entries of the checkpoint")
    for each in (show, asked, cosign):
        each.add_argument("site")


def _keeper(settings: ServerSettings) -> LedgerKeeper:
    found = ledgers_of(settings, open_database(settings.database), SystemClock())
    if found is None:
        raise ConfigurationError("this machine has no key to sign with: run 'python -m server.admin init' first")
    return found


def _key(_chosen: argparse.Namespace, settings: ServerSettings) -> None:
    print(_keeper(settings).signer.key.vkey)


def _request(chosen: argparse.Namespace, settings: ServerSettings) -> None:
    sys.stdout.buffer.write(request(_keeper(settings), chosen.site, chosen.older))


def _cosign(chosen: argparse.Namespace, settings: ServerSettings) -> None:
    try:
        known = witness_keys(settings.ledger.witnesses)
    except InvalidInput as error:
        raise ConfigurationError(f"'ledger.witnesses': {error}") from error
    answer = sys.stdin.buffer.read(ANSWER_BYTES_MAX + 1)
    for name in take(_keeper(settings), chosen.site, chosen.size, answer, known):
        print(f"{name}: 已录入 · taken in")


def _show(chosen: argparse.Namespace, settings: ServerSettings) -> None:
    keeper = _keeper(settings)
    with keeper.database.reading() as session:
        newest = ledger.latest_checkpoint(session, chosen.site)
        refusing = witnesses.refusing(session, chosen.site)
    if newest is None:
        raise NotFound("no checkpoint of that site's ledger was signed yet")
    print(newest.note.decode(), end="")
    stamped = isoformat(newest.stamped_us)[:19] + "Z" if newest.stamped_us is not None else "-"
    print(f"\n时间戳 · timestamp: {stamped}")
    for row in refusing:
        print(f"拒绝会签 · refused by {row.agent_id}: {row.refused_why} ({row.refused_size})")
