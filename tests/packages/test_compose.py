"""The compose file names what there is, keeps to this machine, and runs at the right times."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.known_files import ROOT

if TYPE_CHECKING:
    from pathlib import Path

DAY = 24 * 3600
OURS = ("nightly", "incremental", "pages")


@pytest.fixture
def services() -> dict[str, Any]:
    text = (ROOT / "compose.yml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)["services"]
    return loaded


def test_it_has_the_form_of_a_compose_file() -> None:
    done = subprocess.run(
        [ROOT / ".venv/bin/check-jsonschema", "--builtin-schema", "vendor.compose-spec",
         ROOT / "compose.yml"],
        capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_its_own_services_are_the_image_of_the_container_file(services: dict[str, Any]) -> None:
    assert set(services) == {"postgres", *OURS}
    containerfile = (ROOT / "Containerfile").read_text(encoding="utf-8")
    for name in OURS:
        build = services[name]["build"]
        assert (ROOT / build["context"] / build["dockerfile"]).samefile(ROOT / "Containerfile")
        assert all(f"ARG {argument}=" in containerfile for argument in build["args"])
        for volume in services[name]["volumes"]:
            assert volume.partition(":")[2] in containerfile, "a run would forget all"


def test_nothing_is_reached_from_other_machines(services: dict[str, Any]) -> None:
    for name, service in services.items():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name
    # The page itself listens on 127.0.0.1 only, here that of the machine.
    assert services["pages"]["network_mode"] == "host"


def test_secrets_come_from_the_settings_file_only(services: dict[str, Any]) -> None:
    assert {services[name]["env_file"] for name in OURS} == {".env"}
    password = services["postgres"]["environment"]["POSTGRES_PASSWORD"]
    assert password.startswith("${TARGET_POSTGRES_PASSWORD:?")
    names = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert "TARGET_POSTGRES_PASSWORD=" in names


@pytest.mark.parametrize(
    ("name", "at", "waits"),
    [
        ("nightly", 0, 2 * 3600),
        ("nightly", 2 * 3600 + 1, DAY - 1),
        ("nightly", 20_000 * DAY + 3600, 3600),
        ("incremental", 0, 900),
        ("incremental", 20_000 * DAY + 899, 1),
        ("incremental", 20_000 * DAY + 1000, 800),
    ],
)
def test_each_service_waits_for_the_time_of_its_schedule_and_runs_it(
    services: dict[str, Any], tmp_path: Path, name: str, at: int, waits: int
) -> None:
    declared = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))["schedules"]
    times = {schedule["name"]: schedule["interval"] for schedule in declared}
    assert times == {"nightly": "0 2 * * *", "incremental": "*/15 * * * *"}
    assert services[name]["entrypoint"] == ["sh", "-c"]
    (script,) = services[name]["command"]
    programs = tmp_path / ".venv/bin"
    programs.mkdir(parents=True)
    (programs / "meltano").write_text('#!/bin/sh\necho "meltano $*" >> called\n')
    (programs / "meltano").chmod(0o755)
    # It would wait a second time: that ends the loop.
    stubs = (
        f"date() {{ echo {at}; }}\n"
        'sleep() { echo "sleep $1" >> called; test "$(wc -l < called)" -lt 2; }\n'
    )
    subprocess.run(
        [shutil.which("sh") or "sh", "-c", stubs + script.replace("$$", "$")],
        cwd=tmp_path, check=False, timeout=30,
    )  # fmt: skip
    lines = (tmp_path / "called").read_text(encoding="utf-8").splitlines()
    assert lines[:2] == [f"sleep {waits}", f"meltano schedule run {name}"]


def test_the_page_is_served_by_a_command_that_there_is(services: dict[str, Any]) -> None:
    program, *words = services["pages"]["entrypoint"]
    assert (ROOT / program).exists()
    done = subprocess.run(
        [ROOT / program, words[0], "--help"],
        cwd=ROOT, capture_output=True, check=True, text=True,
    )  # fmt: skip
    assert all(word in done.stdout for word in words[1:])
