"""Starts, finds and stops a sandbox in the background, by its run directory."""

from __future__ import annotations

import contextlib
import json
import ssl
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from pathlib import Path

POLL = 0.05
GRACE = 5.0


class BackgroundError(Exception):
    """The background process could not be started or stopped."""


class RunDir:
    """The directory that holds the pid file and the log of one background sandbox."""

    def __init__(self, path: Path) -> None:
        """Use this directory; it is made when it is needed."""
        self._path = path
        self._pid_file = path / "sandbox.json"
        self._log = path / "sandbox.log"

    def url(self) -> str | None:
        """The URL of the running sandbox; None if none runs."""
        known = self._known()
        return None if known is None else known[1]

    def start(self, arguments: list[str], wait: float) -> tuple[str, bool]:
        """Start a sandbox unless one runs.

        Args:
            arguments: the words after `serve`.
            wait: seconds within which it must answer.

        Returns:
            Its URL, and whether it was started now.

        Raises:
            BackgroundError: if it ends or does not answer in time; the message says why.
        """
        running = self.url()
        if running:
            return running, False
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            log = self._log.open("wb")
        except OSError as error:
            msg = f"{self._path} cannot be used: {error.strerror}. Choose another --run-dir."
            raise BackgroundError(msg) from None
        with log:
            process = subprocess.Popen(
                [sys.executable, "-m", "ft42_sandbox", "serve", *arguments],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline:
            url = self._url_in_log()
            if url and _answers(url):
                self._remember(process.pid, url)
                return url, True
            if process.poll() is not None:
                raise BackgroundError(self._last_line() or "the sandbox ended at once")
            time.sleep(POLL)
        process.kill()
        process.wait()
        msg = f"the sandbox did not answer within {wait:g} s, see {self._log}"
        raise BackgroundError(msg)

    def stop(self) -> bool:
        """Stop the sandbox, and return whether one ran.

        Raises:
            BackgroundError: if the process may not be ended.
        """
        known = self._known()
        if known is None:
            self._pid_file.unlink(missing_ok=True)
            return False
        process = known[0]
        try:
            process.terminate()
            if not _ended(process):
                process.kill()
                _ended(process)
        except psutil.NoSuchProcess:
            pass
        except psutil.Error as error:
            msg = f"cannot stop process {process.pid}: {error}"
            raise BackgroundError(msg) from error
        self._pid_file.unlink(missing_ok=True)
        return True

    def _known(self) -> tuple[psutil.Process, str] | None:
        """The process of the pid file, if it is still the one that was started."""
        try:
            kept = json.loads(self._pid_file.read_text(encoding="utf-8"))
            process = psutil.Process(int(kept["pid"]))
            # Another process may have the same pid by now; its start time tells.
            same = abs(process.create_time() - float(kept["started"])) < 1.0
            if same and process.status() != psutil.STATUS_ZOMBIE:
                return process, str(kept["url"])
        except (OSError, ValueError, KeyError, TypeError, psutil.Error):
            return None
        return None

    def _remember(self, pid: int, url: str) -> None:
        started = psutil.Process(pid).create_time()
        content = json.dumps({"pid": pid, "started": started, "url": url})
        draft = self._pid_file.with_suffix(".new")
        draft.write_text(content, encoding="utf-8")
        draft.replace(self._pid_file)

    def _url_in_log(self) -> str | None:
        with contextlib.suppress(OSError):
            for line in self._log.read_text(encoding="utf-8", errors="replace").splitlines():
                if line.startswith("ft42-sandbox: http"):
                    return line.removeprefix("ft42-sandbox: ").strip()
        return None

    def _last_line(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1].removeprefix("Error: ") if lines else ""


def _ended(process: psutil.Process) -> bool:
    """Wait for a process to end; a zombie counts as ended."""
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline:
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(POLL)
    return False


def _answers(url: str) -> bool:
    # The process was just started on this machine, so its certificate need not be verified.
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    try:
        with urllib.request.urlopen(  # noqa: S310 - our own address
            f"{url}/_sandbox/requests", timeout=2, context=trusting
        ) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
