"""``nightlight-verify`` as a person or a script runs it, in both languages."""

import ast
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from config.evidence import afterwards, archive, statements
from config.evidence import verify as verifier
from config.evidence.__main__ import main
from config.evidence.note import NoteSigner
from config.evidence.wording import TEXTS, WHY
from tests.support.packages import AGENT, CENTRE, Evidence

PEM = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
WITNESS = NoteSigner("edge-rainbow", AGENT).witness_key.vkey


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    (tmp_path / "package.zip").write_bytes(Evidence().build())
    (tmp_path / "centre.pem").write_bytes(CENTRE.public_key().public_bytes(*PEM))
    return str(tmp_path / "package.zip"), str(tmp_path / "centre.pem")


def test_a_genuine_package_in_chinese_and_english(files, capsys):
    package, key = files
    assert main([package, "--key", key, "--witness", WITNESS, "--language", "zh"]) == 0
    chinese = capsys.readouterr().out
    assert "真实" in chinese
    assert "83.333 %" in chinese
    assert main([package, "--key", key, "--language", "en"]) == 0
    english = capsys.readouterr().out
    assert "Genuine" in english
    assert "disk of the site agent was full" in english
    assert "inspection 17" in english


def test_json_for_scripts(files, capsys):
    package, key = files
    assert main([package, "--key", key, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["genuine"], found["segments"], found["covered_us"]) == (True, 5, 300_000_000)


@pytest.mark.parametrize(("language", "words"), [("zh", "不真实"), ("en", "Not genuine")])
def test_a_spoiled_package_names_the_item(files, capsys, language, words):
    package, key = files
    data = bytearray(Path(package).read_bytes())
    at = data.index(b"footage of")
    data[at] ^= 1
    Path(package).write_bytes(data)
    assert main([package, "--key", key, "--language", language]) == 1
    said = capsys.readouterr().out
    assert words in said
    assert "segments/" in said
    assert main([package, "--key", key, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["genuine"] is False


def test_what_cannot_be_checked_is_not_called_forged(files, capsys, tmp_path):
    package, key = files
    other = tmp_path / "other.pem"
    other.write_bytes(ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(*PEM))
    no_key = tmp_path / "no.pem"
    no_key.write_bytes(b"nothing")
    for arguments in (
        ["absent.zip", "--key", key],
        [package, "--key", "absent.pem"],
        [package, "--key", str(other)],
        [package, "--key", str(no_key)],
        [package, "--key", key, "--witness", "no key"],
        [package, "--key", key, "--tsa", "absent.pem"],
        [package, "--key", key, "--tsa", str(no_key)],
        [str(tmp_path), "--key", key],
        [package],
    ):
        assert main(arguments) == 2
        assert "nightlight-verify: " in capsys.readouterr().err
        assert main([*arguments, "--json"]) == 2
        assert json.loads(capsys.readouterr().out)["genuine"] is None


def test_what_is_no_package_at_all_is_said_to_be_none(files, capsys):
    _, key = files
    assert main([key, "--key", key, "--language", "zh"]) == 1
    assert "不真实：整个证据包：不是证据包，或缺少开头" in capsys.readouterr().out


def test_a_witness_may_claim_any_second(files, capsys):
    package, key = files
    evidence = Evidence(cosigned_s=2**63)
    Path(package).write_bytes(evidence.build())
    assert main([package, "--key", key, "--language", "en"]) == 0
    assert f"edge-rainbow ({2**63})" in capsys.readouterr().out


def test_gaps_beyond_a_screenful_are_counted(files, capsys):
    package, key = files
    Path(package).write_bytes(Evidence(count=60, lost=tuple(range(1, 60, 2))).build())
    assert main([package, "--key", key, "--language", "zh"]) == 0
    said = capsys.readouterr().out
    assert said.count("园内主机磁盘已满") == 20
    assert "另有 10 处" in said


def test_the_language_of_the_system(files, capsys, monkeypatch):
    package, key = files
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert main([package, "--key", key]) == 0
    assert "真实" in capsys.readouterr().out


def test_every_refusal_has_its_words_in_chinese():
    said = set()
    for module in (archive, verifier, statements, afterwards):
        for node in ast.walk(ast.parse(Path(module.__file__).read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "NotGenuine":
                said.add(ast.literal_eval(node.args[1]))
    assert said == set(WHY)
    assert all(len(both) == 2 and all(both) for both in TEXTS.values())


def test_who_stands_behind_the_centre_is_told(files, tmp_path, capsys):
    package, key = files
    assert main([package, "--key", key, "--language", "en"]) == 0
    told = capsys.readouterr().out
    assert "Timestamp: none that covers these recordings" in told
    assert "Days attested: none" in told
    assert "Agent keys: 1, of which 0 with certificates" in told
    Path(package).write_bytes(Evidence(cosigned=False, anchored_at=7).build())
    assert main([package, "--key", key, "--language", "zh"]) == 0
    assert "7 条以内" in capsys.readouterr().out
    assert main([package, "--key", key, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["timestamp"], facts["attested"], facts["cosigned"]) == (None, [], {})


def test_a_timestamp_that_nobody_can_check_here_is_said(files, capsys, monkeypatch):
    package, key = files
    Path(package).write_bytes(Evidence(stamp=lambda _: b"a token").build())
    monkeypatch.setattr("config.evidence.statements.available", lambda: False)
    monkeypatch.setattr("config.evidence.telling.available", lambda: False)
    monkeypatch.setattr("config.evidence.__main__.available", lambda: False)
    assert main([package, "--key", key, "--language", "en"]) == 0
    assert "install nightlight[timestamps]" in capsys.readouterr().out
    assert main([package, "--key", key, "--tsa", key]) == 2
    assert "rfc3161-client" in capsys.readouterr().err


HOSTILE = "x\x1b[2J\x1b[H\n\N{RIGHT-TO-LEFT OVERRIDE}GENUINE"


@pytest.mark.parametrize("signed", [True, False], ids=["by the centre", "by nobody"])
def test_nothing_in_a_package_moves_the_cursor_or_makes_a_line_of_its_own(files, capsys, signed):
    package, key = files
    changes = {"reason": HOSTILE} if signed else {"suite": HOSTILE}
    Path(package).write_bytes(Evidence(index_changes=changes).build())
    code = main([package, "--key", key, "--language", "en"])
    said = capsys.readouterr().out
    assert code == (0 if signed else 1)
    assert "\\x1b[2J" in said
    assert not [line for line in said.split("\n") if not line.isprintable() or line.startswith("GENUINE")]
