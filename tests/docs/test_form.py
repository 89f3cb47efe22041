"""What cannot be run here is at least well formed, and every link leads somewhere."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from typing import TYPE_CHECKING

import click
import pytest
import yaml
from ft42_warehouse.cli import main as warehouse

from tests.docs.pages import DOCS, ROOT, SHELLS, Block, Page, for_contributors, pages, readmes
from tools import architecture
from tools.reference import PARTS, REFERENCE, settings, settings_of_the_tap, with_part

if TYPE_CHECKING:
    from pathlib import Path

_ALL = [*readmes(), *for_contributors(), *pages()]
_LANGUAGES = {
    *SHELLS,
    "cron",
    "dotenv",
    "ini",
    "json",
    "mermaid",
    "python",
    "sql",
    "text",
    "yaml",
}
_VARIABLE = re.compile(r"\b((?:TAP_FT42|TARGET_POSTGRES|WAREHOUSE)_[A-Z][A-Z_]*[A-Z])\b")
_PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
_BADGE = re.compile(
    r"/actions/workflows/([\w.-]+)/badge\.svg$|^https://img\.shields\.io/badge/"
)
_FILE_OF_CODE = re.compile(r"`([\w-]+(?:/[\w-]+)+\.(?:py|sql))`")
_NAMED_FROM = ("", "tap-ft42", "tap-ft42/tap_ft42", "target-config", "target-config/dbt")
"""Folders from which pages name files."""

_INSTRUCTIONS = {
    "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "FROM", "RUN", "USER", "VOLUME", "WORKDIR",
}  # fmt: skip


def blocks(*languages: str) -> list[object]:
    return [
        pytest.param(block, id=f"{page.name}:{block.line}")
        for page in _ALL
        for block in page.blocks
        if block.language in languages
    ]


@pytest.mark.parametrize("page", _ALL, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_a_heading(page: Page) -> None:
    for link in page.links:
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.path.parent / path).resolve() if path else page.path
        assert target.exists(), f"{page.name} links to {link}"
        if anchor:
            assert anchor in Page(target).anchors, f"{page.name} links to {link}"


@pytest.mark.parametrize("page", _ALL, ids=lambda page: page.name)
def test_every_picture_is_there_and_says_what_it_shows(page: Page) -> None:
    for says, path in _PICTURE.findall(page.prose):
        assert says, f"{page.name} shows {path}"
        if path.startswith("https://"):
            assert _BADGE.search(path), f"{page.name} shows {path}"
            continue
        assert (page.path.parent / path).read_bytes().startswith(b"\x89PNG")


def test_the_badges_of_the_front_page_are_true() -> None:
    badges = dict(_PICTURE.findall(Page(ROOT / "README.md").text))
    workflow = _BADGE.search(badges["tests"])
    assert workflow
    assert (ROOT / ".github/workflows" / workflow[1]).exists()
    about = tomllib.loads((ROOT / "tap-ft42/pyproject.toml").read_text(encoding="utf-8"))
    named = re.findall(r"Python :: (3\.\d+)", " ".join(about["project"]["classifiers"]))
    assert f"Python {named[0]} to {named[-1]}" in badges
    assert about["project"]["license"] in badges


@pytest.mark.parametrize("page", _ALL, ids=lambda page: page.name)
def test_every_file_of_code_that_is_named_exists(page: Page) -> None:
    folders = (page.path.parent, *(ROOT / folder for folder in _NAMED_FROM))
    for name in _FILE_OF_CODE.findall(page.text):
        assert any((folder / name).exists() for folder in folders), f"{page.name} names {name}"


def test_the_front_page_can_be_read_in_two_minutes() -> None:
    assert len(Page(ROOT / "README.md").text.split()) <= 500


def test_every_page_is_on_the_map() -> None:
    on_the_map = {
        (DOCS / link.partition("#")[0]).resolve() for link in Page(DOCS / "README.md").links
    }
    assert on_the_map >= {page.path for page in pages()} - {DOCS / "README.md"}


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_page_begins_with_what_it_is_for(page: Page) -> None:
    paragraphs = [part for part in page.prose.split("\n\n") if part.strip()]
    text = next(part for part in paragraphs if not part.lstrip().startswith(("#", "<!--")))
    assert text.lstrip().startswith("This page "), text[:100]


@pytest.mark.parametrize(
    "page",
    [page for page in pages() if page.path.parent.name == "how-to"],
    ids=lambda page: page.name,
)
def test_a_how_to_has_steps(page: Page) -> None:
    assert re.search(r"^1\. .+(?:\n(?!#).*)*^2\. ", page.prose, re.MULTILINE), page.name


@pytest.mark.parametrize(
    "page",
    [page for page in pages() if page.path.parent.name == "explanation"],
    ids=lambda page: page.name,
)
def test_an_explanation_has_a_picture(page: Page) -> None:
    assert any(block.language == "mermaid" for block in page.blocks)


def test_no_message_has_two_rows() -> None:
    page = Page(DOCS / "troubleshooting.md")
    first = [
        quote
        for name in ("message", "text")
        for row in page.rows(name)
        for quote in row[0].split("<br>")
    ]
    twice = {quote for quote in first if first.count(quote) > 1}
    assert twice <= {"``… is missing``"}, "a setting, and a column of a record"


@pytest.mark.parametrize("page", _ALL, ids=lambda page: page.name)
def test_every_block_names_a_language_that_is_checked(page: Page) -> None:
    # What lies outside the repository's programs is shown, not run.
    assert {block.language for block in page.blocks} <= {*_LANGUAGES, ""}
    for block in page.blocks:
        assert block.language or page in readmes(), f"{page.name}:{block.line}"


@pytest.mark.parametrize("block", blocks(*SHELLS))
def test_shell_commands_are_well_formed(block: Block) -> None:
    done = subprocess.run(
        [block.language, "-n"],
        input=block.text, capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", blocks("python"))
def test_python_can_be_compiled(block: Block) -> None:
    compile(block.text, "a page", "exec")


@pytest.mark.parametrize("block", blocks("yaml"))
def test_yaml_can_be_read(block: Block) -> None:
    assert isinstance(yaml.safe_load(block.text), dict)


@pytest.mark.parametrize("block", blocks("json"))
def test_json_can_be_read(block: Block) -> None:
    assert isinstance(json.loads(block.text), dict)


@pytest.fixture(scope="module")
def known() -> set[str]:
    """The variables that the reference lists."""
    return set(_VARIABLE.findall(settings()))


@pytest.mark.parametrize("page", _ALL, ids=lambda page: page.name)
def test_every_variable_that_is_named_exists(page: Page, known: set[str]) -> None:
    assert known >= {"TAP_FT42_CLIENT_ID", "WAREHOUSE_PUBLISHER"}
    # Some are cut short, as in TARGET_POSTGRES_SSL_…
    named = {
        name
        for name in _VARIABLE.findall(page.text)
        if f"{name}_…" not in page.text and f"{name}*" not in page.text
    }
    assert named - known <= {"TAP_FT42__SELECT", "TAP_FT42_LOGLEVEL"}, "Meltano's, the SDK's"


@pytest.mark.parametrize("block", blocks("dotenv"))
def test_settings_are_lines_of_a_name_and_a_value(block: Block) -> None:
    for line in block.text.splitlines():
        assert re.fullmatch(r"[A-Z][A-Z0-9_]*=\S.*", line), line


@pytest.mark.parametrize("block", blocks("cron"))
def test_crontabs_run_the_schedules_of_meltano_at_their_times(block: Block) -> None:
    declared = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    times = {schedule["name"]: schedule["interval"] for schedule in declared["schedules"]}
    taps = {tap["name"] for tap in declared["plugins"]["extractors"]}
    found = {}
    for line in block.text.splitlines():
        *fields, command = line.split(None, 5)
        subprocess.run(["sh", "-n"], input=command, check=True, text=True)  # noqa: S607 - any POSIX shell
        assert "%" not in command, "cron takes it for a line break"
        words = shlex.split(command)
        if "schedule" in words:
            found[words[words.index("run") + 1]] = " ".join(fields)
        else:  # a load beside the jobs
            assert taps & {*words}
            assert " ".join(fields) in times.values()
    assert found in (times, {}), "both jobs, or only loads beside them"


def test_each_setting_of_the_project_says_only_what_meltano_knows() -> None:
    # In a mapping of one line, a comma in a label makes a key of the rest.
    declared = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    known = {"name", "kind", "label", "value", "options", "description", "sensitive", "env"}
    settings = [
        one for tap in declared["plugins"]["extractors"] for one in tap.get("settings", ())
    ]
    assert settings
    assert [one for one in settings if not one.keys() <= known] == []


def units() -> dict[str, str]:
    """Return the unit files that the page on systemd shows, by name."""
    shown = [
        block.text
        for block in Page(DOCS / "how-to/systemd.md").blocks
        if block.language == "ini"
    ]
    return {text.splitlines()[0].rpartition("/")[2]: text for text in shown}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    found = units()
    assert sorted(found) == [
        "ft42-incremental.service", "ft42-incremental.timer",
        "ft42-nightly.service", "ft42-nightly.timer",
    ]  # fmt: skip
    for name, text in found.items():
        here = text.replace("/srv/ft42", str(ROOT)).replace("User=ft42", "User=root")
        (tmp_path / name).write_text(here)
    done = subprocess.run(
        ["systemd-analyze", "verify", *(tmp_path / name for name in found)],  # noqa: S607 - the machine's
        capture_output=True,
        check=False,
        text=True,
    )
    ours = [line for line in done.stderr.splitlines() if "ft42" in line]
    assert done.returncode == 0, done.stderr
    assert ours == []


def test_units_run_the_schedules_of_meltano() -> None:
    declared = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))["schedules"]
    services = {name: text for name, text in units().items() if name.endswith(".service")}
    assert {
        re.findall(
            r"^ExecStart=\S+ --environment=prod schedule run (\w+)$", text, re.MULTILINE
        )[0]
        for text in services.values()
    } == {schedule["name"] for schedule in declared}


def test_the_container_file_is_well_formed() -> None:
    text = (ROOT / "Containerfile").read_text(encoding="utf-8")
    lines = [
        line
        for line in text.replace("\\\n", " ").splitlines()
        if line and not line.startswith("#")
    ]
    assert lines[0].startswith("FROM ")
    for line in lines:
        instruction, rest = line.split(None, 1)
        assert instruction in _INSTRUCTIONS
        if instruction == "RUN":
            subprocess.run(["sh", "-n"], input=rest, check=True, text=True)  # noqa: S607 - any POSIX shell
        if instruction in ("CMD", "ENTRYPOINT"):
            assert isinstance(yaml.safe_load(rest), list)


def test_no_image_takes_secrets_or_installed_things_in() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {".env", ".git", ".local", ".meltano", ".venv"} <= set(ignored)


@pytest.mark.parametrize(
    "command",
    [
        line
        for page in for_contributors()
        for block in page.blocks
        if block.language in SHELLS and block.excuse is None
        for line in block.text.splitlines()
    ],
)
def test_what_contributors_are_told_to_run_exists(command: str) -> None:
    program, *words = shlex.split(command, comments=True)
    if program == "make":
        done = subprocess.run(
            ["make", "--dry-run", *words],  # noqa: S607 - make is required
            cwd=ROOT, capture_output=True, check=False, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    else:
        assert (ROOT / program).exists(), command
        assert all((ROOT / word).exists() for word in words if word.startswith("tests/"))


@pytest.mark.parametrize("page", _ALL, ids=lambda page: page.name)
def test_a_command_that_is_not_run_says_why(page: Page) -> None:
    said = page.text.count("<!-- not run here: ")
    assert said == sum(block.excuse is not None for block in page.blocks)


def test_the_picture_of_the_layers_is_that_of_the_code() -> None:
    page = architecture.PAGE.read_text(encoding="utf-8")
    assert page == architecture.current(page), "run make docs"


@pytest.mark.parametrize("name", PARTS)
def test_the_reference_is_current(name: str) -> None:
    page = (REFERENCE / name).read_text(encoding="utf-8")
    assert page == with_part(page, PARTS[name]()), "run make docs"


def test_the_reference_knows_every_setting_and_every_command() -> None:
    listed = (REFERENCE / "settings.md").read_text(encoding="utf-8")
    for name in settings_of_the_tap():
        assert f"`TAP_FT42_{name.upper()}`" in listed
    for command in warehouse.list_commands(click.Context(warehouse)):
        assert f"## warehouse {command}" in (REFERENCE / "commands.md").read_text("utf-8")


@pytest.mark.parametrize("name", warehouse.list_commands(click.Context(warehouse)))
def test_the_reference_names_every_option_of_a_command(name: str) -> None:
    text = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    (section,) = re.findall(rf"^## warehouse {name}\b.*\n([^#]*)", text, re.MULTILINE)
    command = warehouse.get_command(click.Context(warehouse), name)
    assert command is not None
    for option in command.params:
        if isinstance(option, click.Option):
            assert f"`{option.opts[0]}`" in section


def test_the_picture_of_the_layers_has_no_arrow_that_others_lead_around() -> None:
    arrows = re.findall(r"^  (\w+) --> (\w+)$", architecture.picture(), re.MULTILINE)
    ends = {layer: {end for begin, end in arrows if begin == layer} for layer, _ in arrows}

    def below(layer: str) -> set[str]:
        return set().union(*({end} | below(end) for end in ends.get(layer, ())))

    assert below("cli") == {*architecture.contract()} - {"cli"}
    for upper, lower in arrows:
        assert not any(lower in below(end) for end in ends[upper])


def test_no_help_shows_the_marks_of_its_layout() -> None:
    assert "\\b" not in (REFERENCE / "commands.md").read_text(encoding="utf-8")
