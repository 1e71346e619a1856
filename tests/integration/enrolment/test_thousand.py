"""A thousand boxes redeem one code at the same moment, over HTTP, against the process as it ships: one comes in."""

import asyncio
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from config.base.clock import SystemClock
from config.settings.server import ServerIdentitySettings
from config.wire.codes import parse_code
from config.wire.enrolment import EnrolmentAnswer
from server.admin.keys import make_signing_key
from server.services.agents.invite_agent import Inviter
from server.services.registers.register import Register
from storage.database.models import Agent, AgentCertificate, Invitation
from storage.database.unit_of_work import Database
from tests.support.api import api_process, settings_for
from tests.support.brokers import free_port
from tests.support.enrolment import AGENT, SITE, Box, authority, serial_of, told, write_authority

BOXES = {"postgresql": 1_000, "sqlite": 200}
"""SQLite has one writer at a time: more than some hundred of them find nothing else."""
IN_FLIGHT = 400
"""Below the process's own limit, above which it answers 503 at once."""


async def redeem(port: int, bodies: list[bytes]) -> list[tuple[int, dict]]:
    """Status and JSON of each; plain sockets, for a thousand of anything better would be the test's own load."""
    places = asyncio.Semaphore(IN_FLIGHT)

    async def one(body: bytes) -> tuple[int, dict]:
        async with places:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            head = f"POST /agent/v1/enrolments HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode() + body)
            answer = await reader.read(-1)
            writer.close()
        head_bytes, _, content = answer.partition(b"\r\n\r\n")
        return int(head_bytes.split()[1]), json.loads(content)

    return await asyncio.gather(*map(one, bodies))


@pytest.mark.timeout(180)
def test_exactly_one_comes_in(database: Database, tmp_path: Path) -> None:
    clock, port, many = SystemClock(), free_port(), BOXES[database.engine.dialect.name]
    settings = settings_for(database, tmp_path, port=port)
    write_authority(tmp_path)
    key = f'[server]\nsigning_key_file = "{tmp_path}/signing-key.pem"\n'
    settings.write_text(settings.read_text().replace("[server]\n", key))
    make_keys(tmp_path)
    Register(database, clock).add_site(SITE, "托育园", "cn/sichuan/luzhou", "Asia/Shanghai")
    inviter = Inviter(database, clock, authority, f"http://127.0.0.1:{port}", code_minutes=15)
    code = parse_code(inviter.invite_as("test", SITE, AGENT).code)
    boxes = [Box() for _ in range(many)]
    with api_process(settings, port) as (url, _process):
        bodies = [box.request(code) for box in boxes]
        with ThreadPoolExecutor(1) as apart:  # a browser test before this one may have left a loop in this thread
            answers = apart.submit(asyncio.run, redeem(port, bodies)).result()
        codes = Counter(status for status, _ in answers)
        assert codes == {200: 1, 403: many - 1}
        assert {problem["code"] for status, problem in answers if status == 403} == {"code_used"}
        (winner,) = [index for index, (status, _) in enumerate(answers) if status == 200]
        again = httpx.post(
            f"{url}/agent/v1/enrolments", content=boxes[winner].request(code), trust_env=False, timeout=30
        )
        assert again.status_code == 200, "whoever lost the answer gets it again"
    certificate = told(EnrolmentAnswer(**answers[winner][1])).certificate
    assert told(EnrolmentAnswer(**again.json())).certificate == certificate
    with database.reading() as session:
        (row,) = session.scalars(select(AgentCertificate)).all()
        assert row.serial == serial_of(certificate)
        assert session.get_one(Agent, AGENT).public_key == boxes[winner].signer.public_raw
        (invitation,) = session.scalars(select(Invitation)).all()
        assert invitation.serial == row.serial


def make_keys(folder: Path) -> None:
    make_signing_key(
        ServerIdentitySettings(
            state_dir=str(folder), signing_key_file=f"{folder}/signing-key.pem", sealing_key_file="", log_level="INFO"
        )
    )
