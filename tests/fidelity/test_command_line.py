"""The command line: one line where it answers, clear lines where it cannot."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.fidelity.commands import command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SMALL = ("--users", "50", "--enrolments", "100")


@pytest.fixture
def run_dir(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "run"
    yield str(folder)
    command("stop", "--run-dir", str(folder))


@pytest.mark.slow
def test_start_status_and_stop_know_of_each_other(run_dir: str) -> None:
    assert command("status", "--run-dir", run_dir).stdout == "Sandbox:    not running\n"
    first = command("start", "--port", "0", *SMALL, "--run-dir", run_dir)
    assert first.returncode == 0, first.stderr
    url = first.stdout.strip().removeprefix("Sandbox:    started on ")
    with urllib.request.urlopen(f"{url}/_sandbox/requests") as answer:  # noqa: S310 - our own address
        assert json.load(answer)["total"] == 0
    second = command("start", "--port", "0", *SMALL, "--run-dir", run_dir)
    assert second.stdout.strip() == f"Sandbox:    already running on {url}"
    assert (
        command("status", "--run-dir", run_dir).stdout.strip()
        == f"Sandbox:    running on {url}"
    )
    assert command("stop", "--run-dir", run_dir).stdout == "Sandbox:    stopped\n"
    assert command("stop", "--run-dir", run_dir).stdout == "Sandbox:    not running\n"
    assert command("status", "--run-dir", run_dir).returncode == 1


@pytest.mark.slow
def test_stop_leaves_a_process_alone_that_is_not_the_sandbox(
    run_dir: str, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    stale = {"pid": os.getpid(), "started": 1.0, "url": "http://127.0.0.1:1"}
    (folder / "sandbox.json").write_text(json.dumps(stale))
    assert command("stop", "--run-dir", run_dir).stdout == "Sandbox:    not running\n"


@pytest.mark.few(1)
@pytest.mark.parametrize("word", ["serve", "start"])
def test_a_port_that_is_taken_is_one_clear_line(word: str, run_dir: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        where = ("--run-dir", run_dir) if word == "start" else ()
        done = command(word, "--port", port, *SMALL, *where)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "choose another port" in done.stderr


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--users", "3"), "users must be 50 or more"),
        (("--enrolments", "-1"), "must not be negative"),
        (("--epoch", "soon"), "epoch must be an instant such as 2026-"),
        (("--tls-cert", __file__), "https needs both"),
        (("--tls-cert", __file__, "--tls-key", __file__), "no PEM certificate with its key"),
        (("--requests-per-second", "-2"), "must not be negative"),
    ],
)
def test_a_value_that_cannot_be_is_one_clear_line(words: tuple[str, ...], reason: str) -> None:
    done = command("serve", "--port", "0", *words)
    assert done.returncode == 1
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_folder_that_cannot_be_made_is_one_clear_line() -> None:
    done = command("start", "--port", "0", *SMALL, "--run-dir", "/dev/null/here")
    assert done.returncode == 1
    assert "/dev/null/here cannot be used: Not a directory. Choose another" in done.stderr
    assert done.stderr.count("\n") == 1


def test_every_option_has_an_environment_variable_and_secrets_have_no_option() -> None:
    text = command("serve", "--help").stdout
    assert re.search(r"(?m)^ +ft42-sandbox serve --users 40000 .*--latency real$", text)
    assert "\\b" not in text
    options = re.findall(r"(?m)^\s+(--[a-z-]+)", text)
    assert {"--users", "--control-token-env"} <= set(options)
    assert not [name for name in options if name.endswith(("secret", "token"))]
    process = subprocess.Popen(
        [sys.executable, "-m", "ft42_sandbox", "serve"],
        stdout=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "FT42_SANDBOX_PORT": "0",
            "FT42_SANDBOX_USERS": "60",
            "FT42_SANDBOX_ENROLMENTS": "10",
            "FT42_SANDBOX_CONTROL_TOKEN": "sesame",
        },
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip().removeprefix("ft42-sandbox: ")
        request = urllib.request.Request(  # noqa: S310 - our own address
            f"{url}/_sandbox/truth/users", headers={"Authorization": "Bearer sesame"}
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - our own address
            assert len(json.load(answer)) == 60
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()
