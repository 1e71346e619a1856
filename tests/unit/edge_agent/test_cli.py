"""The command line: every word in both languages, and what it says when it cannot begin."""

import ast
import re
from pathlib import Path
from string import Formatter

import pytest

import edge_agent.cli
from config.base.errors import Unavailable
from edge_agent.cli import frame, status
from edge_agent.cli.desk import Exit
from edge_agent.cli.screen import Screen
from edge_agent.cli.speech import LANGUAGES, TEXTS, Speech, catalogue, language_named, language_of

CLI = Path(edge_agent.cli.__file__).parent


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_language_has_the_same_keys_and_placeholders():
    first, *others = LANGUAGES
    for other in others:
        assert catalogue(first).keys() == catalogue(other).keys()
        for key, text in catalogue(first).items():
            assert placeholders(text) == placeholders(catalogue(other)[key]), key


def test_every_file_of_texts_has_its_twin():
    topics = {
        language: {file.name.split(".")[0] for file in TEXTS.glob(f"*.{language}.toml")} for language in LANGUAGES
    }
    assert len({frozenset(names) for names in topics.values()}) == 1
    assert len(list(TEXTS.iterdir())) == sum(map(len, topics.values()))


def test_chinese_texts_are_chinese():
    same = [key for key, text in catalogue("zh-CN").items() if not re.search(r"[一-鿿]", text)]
    assert {key for key in same if not re.fullmatch(r"[\W\d]*(\{\w+\}[\W\d]*)+", catalogue("zh-CN")[key])} == set()


def test_every_key_that_the_code_names_is_there():
    named = {
        node.value
        for file in CLI.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(rf"({file.stem}|frame)\.[a-z_]*[a-z]", node.value)
    }
    assert named
    assert named <= catalogue("en").keys()


@pytest.mark.parametrize(
    ("env", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh-CN"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_TW"}, "zh-CN"),
        ({"LC_ALL": "", "LANG": "zh_CN"}, "zh-CN"),
    ],
)
def test_the_language_is_that_of_the_environment(env, language):
    assert language_of(env) == language


@pytest.mark.parametrize("language", LANGUAGES)
def test_help_names_every_command_in_the_persons_language(language, capsys):
    with pytest.raises(SystemExit) as left:
        frame.main(["--language", language, "--help"])
    assert left.value.code == Exit.DONE
    said = capsys.readouterr().out
    assert Speech(language).text("frame.description") in said
    for name in frame.COMMANDS:
        assert name in said
        with pytest.raises(SystemExit) as left:
            frame.main([name, "--language", language, "--help"])
        assert left.value.code == Exit.DONE
        told = re.sub(r"\s", "", capsys.readouterr().out)
        assert re.sub(r"\s", "", Speech(language).text(f"{name}.help")) in told


@pytest.mark.parametrize("arguments", [[], ["no-such-command"], ["init", "--no-such-option"]])
def test_wrong_arguments_are_told_in_the_persons_language(arguments, capsys):
    with pytest.raises(SystemExit) as left:
        frame.main(["--language=zh-CN", *arguments])
    assert left.value.code == Exit.SETTINGS
    assert "参数有误" in capsys.readouterr().err


@pytest.mark.parametrize(("raised", "code"), [(KeyboardInterrupt(), 130), (Unavailable("nobody there"), 3)])
def test_what_goes_wrong_has_words_and_a_status(raised, code, capsys, monkeypatch):
    def fail(_desk):
        raise raised

    monkeypatch.setattr(status, "run", fail)
    assert frame.main(["status", "--language", "zh-CN"]) == code
    said = capsys.readouterr().err
    assert "没有应答：nobody there" in said or "已中断" in said


def test_where_nobody_can_be_asked_nothing_is_agreed_to(capsys):
    speech = Speech("en")
    assert not Screen(speech).confirm("frame.no_command")
    assert Screen(speech, assume_yes=True).confirm("frame.no_command")
    assert Screen(speech).ask("frame.no_command", default="as it was") == "as it was"
    assert Screen(speech).ask_secret("frame.no_command") == ""
    assert capsys.readouterr() == ("", "")


def test_a_screen_that_is_no_terminal_gets_plain_lines(capsys):
    screen = Screen(Speech("zh-CN"))
    with screen.step("frame.show_help") as note:
        note("never seen")
    screen.table(("frame.command",), [("[red]x[/red]",), ("录制",)])
    said = capsys.readouterr().out
    assert said.startswith("… 显示帮助并退出\n")
    assert "[red]x[/red]" in said
    assert "\x1b" not in said
    assert "never seen" not in said


@pytest.mark.parametrize(
    ("word", "named"), [("zh", "zh-CN"), ("zh_CN", "zh-CN"), ("zh_CN.UTF-8", "zh-CN"), ("EN_gb", "en"), ("fr", "fr")]
)
def test_a_language_is_understood_as_people_write_it(word, named):
    assert language_named(word) == named
