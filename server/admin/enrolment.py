"""The commands around agents and their certificates: ``agent invite``, ``agent revoke``, ``certificate``."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from config.base.clock import US_PER_DAY, SystemClock, isoformat
from config.base.errors import InvalidInput
from config.settings.server import ServerSettings
from server.runtime import open_database
from server.services.agents.broker_files import CertificateFiles, Keeper, replace
from server.services.agents.enrolment_parts import inviter_of
from server.services.agents.revoke_agent import Revoker, revoked_serials
from server.web import qr
from storage.database.unit_of_work import Database


class Commands(Protocol):
    """Where argparse takes commands."""

    def add_parser(self, name: str, *, help: str) -> argparse.ArgumentParser:  # noqa: A002 - argparse's own name
        """One more."""
        ...


def make_authority(settings: ServerSettings, database: Database) -> Path:
    """The authority, the certificates of the server's own processes and the broker's files; returns the broker's."""
    clock = SystemClock()
    keeper = Keeper.of(settings, clock)
    authority = keeper.files.make_authority(clock.utc_us())
    keeper.keep(authority)
    keeper.list_revoked(authority, revoked_serials(database, clock.utc_us()))
    return keeper.files.broker_dir


def add_commands(commands: Commands, verbs: Callable[[str, str], Commands]) -> None:
    """Puts the commands of this module among the others."""
    of_agents = verbs("agent", "园内主机的接入与吊销 · let a site agent in, or shut it out")
    invite = of_agents.add_parser(
        "invite", help="生成一次性接入码，旧码作废 · make a one-time code for an agent; an older one no longer works"
    )
    invite.set_defaults(run=_invite)
    invite.add_argument("site")
    invite.add_argument("agent")
    invite.add_argument("--qr", action="store_true", help="并显示二维码 · show the code as a QR picture as well")
    invite.add_argument("--qr-file", type=Path, metavar="FILE", help="写入图片 · write the picture: .svg or .png")

    revoke = of_agents.add_parser(
        "revoke", help="吊销园内主机，五秒内断开 · from now on believe nothing of an agent; off within five seconds"
    )
    revoke.set_defaults(run=_revoke)
    revoke.add_argument("site")
    revoke.add_argument("agent")
    revoke.add_argument("--reason", required=True, help="原因 · kept beside the agent, for those who ask later")

    certificate = commands.add_parser(
        "certificate", help="签发服务器证书 · make a server certificate of this server's own authority"
    )
    certificate.set_defaults(run=_certificate)
    certificate.add_argument(
        "host", nargs="+", help="访问时用的名称和地址 · names and addresses that it is reached under"
    )
    certificate.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="证书和密钥，一个 PEM 文件 · certificate and key, one PEM file",
    )
    certificate.add_argument("--days", type=int, default=90, help="有效天数 · how long it holds (default: %(default)s)")


def _invite(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    if arguments.qr_file is not None and arguments.qr_file.suffix not in (".svg", ".png"):
        raise InvalidInput(f"--qr-file: {arguments.qr_file} ends neither in .svg nor in .png")
    inviter = inviter_of(settings, open_database(settings.database), SystemClock())
    made = inviter.invite_as("server.admin", arguments.site, arguments.agent)
    # The code alone goes to standard output, so that it can be handed on by a script.
    print(made.code)
    print(
        f"works once, until {isoformat(made.expires_us)}. On the machine: sudo nightlight-agent enrol (it asks for the code)",
        file=sys.stderr,
    )
    if arguments.qr:
        print(qr.terminal(made.code), file=sys.stderr)
    if arguments.qr_file is not None:
        replace_picture(arguments.qr_file, made.code)


def replace_picture(file: Path, code: str) -> None:
    """The code as a picture, for its owner alone."""
    if file.suffix == ".svg":
        replace(file, qr.svg(code), 0o600)
        return
    file.touch(0o600)
    file.chmod(0o600)
    file.write_bytes(qr.png(code))


def _revoke(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    revoker = Revoker(open_database(settings.database), SystemClock())
    fresh = revoker.revoke(arguments.site, arguments.agent, arguments.reason)
    print("revoked; server.jobs has the broker cut it off" if fresh else "it was revoked before")


def _certificate(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    now_us = SystemClock().utc_us()
    authority = CertificateFiles.of(settings).load_authority()
    replace(arguments.out, authority.issue_server(arguments.host, now_us, now_us + arguments.days * US_PER_DAY), 0o600)
    print(f"certificate  {arguments.out}, for {', '.join(arguments.host)}, {arguments.days} days")
