"""What the README says can be done: every command, option, target, path and variable that it names exists."""

from __future__ import annotations

import re

import typer

from ostinato.cli import app
from tasks.settings import PROJECT_ROOT, Settings
from tasks.sources.datasets.kinds import KINDS
from tasks.warehouse import load_models

README = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def test_every_command_and_option_of_the_readme_exists() -> None:
    named = re.findall(r"^(?:\.venv/bin/)?ostinato ([a-z][a-z-]*)(.*?)(?:#|&&|$)", README, flags=re.MULTILINE)
    named += re.findall(r"`ostinato ([a-z][a-z-]*)([^`]*)`", README)
    assert len(named) > 5
    for command, rest in named:
        assert command in COMMANDS, command
        options = {option for parameter in COMMANDS[command].params for option in parameter.opts}
        for option in re.findall(r"(?<!\S)--[a-z-]+", re.sub(r'"[^"]*"', "", rest)):
            assert option in options, f"{command} {option}"


def test_every_make_target_of_the_readme_exists() -> None:
    makefile = (PROJECT_ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE))
    for line in re.findall(r"(?<![a-z])make ([a-z]+(?: [a-z]+)*)(?=`|\s{2,}#)", README):
        assert set(line.split()) <= targets, line


def test_every_setting_of_the_readme_exists() -> None:
    named = {f"OSTINATO_{name.upper()}" for name in Settings.model_fields}
    named |= {str(field.validation_alias) for field in Settings.model_fields.values()}
    assert set(re.findall(r"OSTINATO_[A-Z_]+", README)) <= named


def test_every_published_table_of_the_readme_exists() -> None:
    sentence = re.search(r"The published tables, .*?\): (.*?)\. The last", README, flags=re.DOTALL)
    assert sentence is not None
    marts = {model.table for model in load_models(PROJECT_ROOT / "sql").values() if model.schema == "marts"}
    assert set(re.findall(r"`(\w+)`", sentence[1])) <= marts


def test_every_kind_of_data_set_is_in_the_readme() -> None:
    paragraph = README[README.index("Known are tables of") : README.index("A file that fits none of them")]
    assert set(re.findall(r"`(\w+)`", paragraph)) == {kind.entity for kind in KINDS}


def test_every_linked_file_of_the_readme_exists() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (PROJECT_ROOT / target).exists(), target


def test_every_command_teaches() -> None:
    for name, command in COMMANDS.items():
        assert command.help, name
        for parameter in command.params:
            assert getattr(parameter, "help", None), f"{name} {parameter.name}"
