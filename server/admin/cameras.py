"""The commands that say how cameras are reached: ``camera set``, ``camera show``, ``camera seal``.

Invariant: a password is read from standard input, sealed in this process to the agent's key, and kept nowhere else. Who
does not want the server's machine to see it at all seals it elsewhere with ``camera seal`` and hands on the box.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from config.base.clock import SystemClock
from config.base.decoding import decode_json
from config.base.errors import ConfigurationError, Conflict, InvalidInput
from config.settings.server import ServerSettings
from config.wire.desired_state import DesiredCamera, host_of
from config.wire.sealing import SealedBox, camera_password, read_sealing_public_pem, seal_to
from server.admin.enrolment import Commands
from server.runtime import open_database
from server.services.cameras.configure_cameras import CameraConfigurer, Configured

PASSWORD_CHARS_MAX = 256
BOX_CHARS_MAX = 4_096


def add_commands(verbs: Commands) -> None:
    """Puts the commands of this module among those of ``camera``."""
    command = verbs.add_parser(
        "set", help="填写摄像头的连接方式，园内主机数秒内照办 · say how it is reached; its agent follows within seconds"
    )
    command.set_defaults(run=_set)
    command.add_argument("site")
    command.add_argument("camera")
    command.add_argument(
        "--url", help="主码流，不含用户名和密码 · main stream: rtsp://HOST[:PORT]/PATH, without user and password"
    )
    command.add_argument("--sub-url", help="子码流，'' 为无 · sub stream, on the same host; '' for none")
    command.add_argument("--transport", choices=("tcp", "udp"))
    command.add_argument("--user", help="用户名，'' 为无 · '' for none; that forgets the password too")
    secret = command.add_mutually_exclusive_group()
    secret.add_argument(
        "--password-stdin",
        action="store_true",
        help="密码从标准输入读取，在此加密 · one line; sealed here to the agent's key",
    )
    secret.add_argument("--sealed-stdin", action="store_true", help="camera seal 的输出 · what 'camera seal' printed")
    command.add_argument(
        "--allow-basic",
        action=argparse.BooleanOptionalAction,
        help="允许明文认证 · the agent may show the password in clear to a camera that knows no digest",
    )
    command.add_argument("--record", choices=("main", "sub"), help="录制哪一路 · stream to be recorded")
    command.add_argument(
        "--diagnose", choices=("auto", "main", "sub"), help="检查哪一路画面 · stream to be looked at for faults"
    )
    command.add_argument("--live", choices=("auto", "main", "sub"), help="实时观看哪一路 · stream for the live view")
    command.add_argument(
        "--mask",
        action="append",
        metavar="POLYGON",
        help="隐私遮挡 · '0,0 0.3,0 0.3,0.5': what no still and no diagnosis may look at; may be given again; '' for none",
    )
    command.add_argument(
        "--onvif-url", help="ONVIF 地址，'' 为无 · the camera's ONVIF device service, on the same host; '' for none"
    )
    command.add_argument(
        "--replay",
        action=argparse.BooleanOptionalAction,
        help="从存储卡补取缺失的时间 · fetch missing time from its memory",
    )

    command.add_argument(
        "--turned", action="store_true", help="画面是有意调整的 · it was turned on purpose: learn the new view"
    )

    show = verbs.add_parser(
        "show", help="显示连接方式（JSON），密码保持加密 · print how it is reached, as JSON; its password stays sealed"
    )
    show.set_defaults(run=_show)
    show.add_argument("site")
    show.add_argument("camera")

    unset = verbs.add_parser(
        "unset", help="不再录制，但仍在用，会显示为缺口 · recorded no more; it stays in service, so this shows as gaps"
    )
    unset.set_defaults(run=_unset)
    unset.add_argument("site")
    unset.add_argument("camera")

    seal = verbs.add_parser(
        "seal",
        help="加密标准输入的密码，不需要数据库 · seal a password from standard input, anywhere; needs no database",
    )
    seal.set_defaults(run=_seal)
    seal.add_argument("agent")
    seal.add_argument("camera")
    seal.add_argument("host", help="摄像头地址的主机部分 · the host of the camera's URL, without port")
    seal.add_argument(
        "--key-file",
        type=Path,
        required=True,
        help="园内主机的公钥 · the agent's public keys, as its 'init' or 'status' prints them",
    )


def _set(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    configurer = _configurer(settings)
    done = configurer.change(arguments.site, arguments.camera, _changed(arguments, configurer))
    _tell(done, arguments.camera)


def _changed(
    arguments: argparse.Namespace, configurer: CameraConfigurer
) -> Callable[[DesiredCamera | None], DesiredCamera]:
    """The change that the arguments ask for; standard input is read once, before the transaction begins."""
    secret = _line(PASSWORD_CHARS_MAX) if arguments.password_stdin else None
    box = _box(_line(BOX_CHARS_MAX)) if arguments.sealed_stdin else None
    agent_id, key = configurer.place(arguments.site, arguments.camera)

    def change(before: DesiredCamera | None) -> DesiredCamera:
        if before is None and not arguments.url:
            raise InvalidInput(f"{arguments.camera}: say where its main stream is, with --url")
        base = before or DesiredCamera(camera_id=arguments.camera, url=arguments.url)
        after: DesiredCamera = msgspec.structs.replace(base, **_given(arguments), view=base.view + arguments.turned)
        if box is not None:
            return msgspec.structs.replace(after, password=box)
        if secret is not None:
            context = camera_password(agent_id, arguments.camera, host_of(after.url))
            return msgspec.structs.replace(after, password=seal_to(_known(key, agent_id), secret.encode(), context))
        return after if after.username else msgspec.structs.replace(after, password=None)

    return change


def _given(arguments: argparse.Namespace) -> dict[str, object]:
    """The fields that were named on the command line."""
    found = {
        "url": arguments.url,
        "sub_url": arguments.sub_url,
        "transport": arguments.transport,
        "username": arguments.user,
        "allow_basic": arguments.allow_basic,
        "record": arguments.record,
        "diagnose": arguments.diagnose,
        "live": arguments.live,
        "onvif_url": arguments.onvif_url,
        "replay": arguments.replay,
        "privacy_masks": None if arguments.mask is None else [_polygon(text) for text in arguments.mask if text],
    }
    return {name: value for name, value in found.items() if value is not None}


def _polygon(text: str) -> list[tuple[float, float]]:
    try:
        corners = [tuple(float(part) for part in corner.split(",")) for corner in text.split()]
        polygon = [(x, y) for x, y in corners]
    except ValueError as error:
        raise InvalidInput(
            f"--mask {text!r}: write corners as x,y between 0 and 1, with blanks between them"
        ) from error
    if len(polygon) < 3 or not all(0 <= part <= 1 for corner in polygon for part in corner):
        raise InvalidInput(f"--mask {text!r}: at least three corners, each between 0 and 1")
    return polygon


def _show(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    found = _configurer(settings).settings(arguments.site, arguments.camera)
    if found is None:
        raise InvalidInput(f"nobody has said yet how {arguments.camera} is reached: camera set", code="not_set_up")
    print(msgspec.json.format(msgspec.json.encode(found)).decode())


def _unset(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    done = _configurer(settings).forget(arguments.site, arguments.camera)
    print(f"{arguments.camera}: recorded no more" if done else f"{arguments.camera}: was not set")


def _seal(arguments: argparse.Namespace, _settings: ServerSettings) -> None:
    try:
        text = arguments.key_file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read {arguments.key_file}: {error}") from error
    begin = "-----BEGIN"
    key = read_sealing_public_pem(begin + text.rpartition(begin)[2])
    context = camera_password(arguments.agent, arguments.camera, arguments.host)
    print(msgspec.json.encode(seal_to(key, _line(PASSWORD_CHARS_MAX).encode(), context)).decode())


def _line(chars_max: int) -> str:
    text = sys.stdin.readline(chars_max + 2).rstrip("\r\n")
    if not text or len(text) > chars_max:
        raise InvalidInput(f"standard input: one line of 1 to {chars_max} characters is wanted")
    return text


def _box(text: str) -> SealedBox:
    try:
        return decode_json(text, SealedBox)
    except msgspec.MsgspecError as error:
        raise InvalidInput(f"standard input is not what 'camera seal' prints: {error}") from error


def _known(key: X25519PublicKey | None, agent_id: str) -> X25519PublicKey:
    if key is None:
        raise Conflict(f"agent {agent_id} has given no key to seal to yet: enrol it first")
    return key


def _tell(done: Configured, camera_id: str) -> None:
    print(f"{camera_id}: version {done.version} of agent {done.agent_id}; it follows within seconds, when it is there")
    if done.not_set_up:
        print(
            f"not recorded until they are set as well, for the agent now goes by the inventory alone: "
            f"{', '.join(done.not_set_up)}",
            file=sys.stderr,
        )


def _configurer(settings: ServerSettings) -> CameraConfigurer:
    return CameraConfigurer(open_database(settings.database), SystemClock())
