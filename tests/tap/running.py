"""The tap as its users run it: a process, its settings in a file, looked at from outside.

Importing the tap takes a second, so that the processes are forked from one that
has done so. `installed` is the command as it is installed, for tests of just that.
"""

from __future__ import annotations

import functools
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import time_machine

from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.process import BaseProcess

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = ROOT / ".venv/bin/tap-ft42"
TIMEOUT = 300  # a load of 140,000 rows beside other tests takes two minutes
STREAMS = tuple(sorted(file.stem for file in (ROOT / "schemas").glob("*.json")))

Row = dict[str, Any]

_FORKS = multiprocessing.get_context("forkserver")
# The smaller the process, the less a fork of it costs. Where the tap is installed there is no
# NumPy, which a library of the SDK would import here. If pytest is the main module, and does
# not work for another one, every fork looks at it again; this one has what a fork calls.
_MAIN = ["pytest"] if sys.modules["__main__"].__spec__ else []
_FORKS.set_forkserver_preload(["tests.tap.without_numpy", "tap_ft42.cli", *_MAIN, __name__])


class Api(Protocol):
    """A server that the tap can be pointed at."""

    @property
    def url(self) -> str:
        """Where it answers, without a slash at the end."""

    @property
    def client_id(self) -> str:
        """An application that it knows."""

    @property
    def client_secret(self) -> str:
        """That application's secret."""


@dataclass(frozen=True)
class Run:
    """What a run left behind.

    Attributes:
        exit_code: the process' exit code.
        output: its standard output.
        log: its standard error.
    """

    exit_code: int
    output: str
    log: str

    @functools.cached_property
    def messages(self) -> list[Row]:
        """The Singer messages, in order."""
        return [json.loads(line) for line in self.output.splitlines()]

    def records(self, stream: str) -> list[Row]:
        """The rows of a stream, in order."""
        return [
            message["record"]
            for message in self.messages
            if message["type"] == "RECORD" and message["stream"] == stream
        ]

    def ids(self, stream: str) -> list[int]:
        """The ids of a stream's rows, ascending; a row that came twice is there twice."""
        return sorted(row["id"] for row in self.records(stream))

    @property
    def state(self) -> Row:
        """The last state, as the next run gets it."""
        states = [m["value"] for m in self.messages if m["type"] == "STATE"]
        last: Row = states[-1]
        return last

    @property
    def last_word(self) -> str:
        """The line of the log that says why the run ended, without its prefix."""
        last = self.log.splitlines()[-1]
        level, _, said = last.partition("| ERROR ")
        assert said, f"the log does not end with an error but with {last}"
        assert "ERROR" not in level
        return said.partition("| ")[2]

    @functools.cached_property
    def log_lines(self) -> list[Row]:
        """The lines of a log that the SDK structured."""
        return [json.loads(line) for line in self.log.splitlines()]

    def happened(self, kind: str) -> list[Row]:
        """What a structured log says of each thing of a kind, with its level and message."""
        return [
            line["extra"] | {name: line[name] for name in ("level", "message", "stream_name")}
            for line in self.log_lines
            if line["extra"].get("happened") == kind
        ]

    @property
    def warnings(self) -> list[str]:
        """The lines of the log at level WARNING."""
        return [line for line in self.log.splitlines() if "| WARNING " in line]


@dataclass
class Started:
    """A run that goes on while the test does something else."""

    _process: BaseProcess
    folder: Path
    _run: Run | None = None

    def stop(self) -> None:
        """End the run at once, if it has not ended."""
        with suppress(ValueError):  # it has been finished and closed
            self._process.kill()
            self._process.join()
            self._process.close()

    def signal(self, number: int) -> None:
        """Send the run a signal."""
        assert self._process.pid
        os.kill(self._process.pid, number)

    def output(self) -> str:
        """What the run has written so far."""
        file = self.folder / "output"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def await_text(self, text: str) -> None:
        """Wait until the run has written a text."""
        until(lambda: text in self.output(), TIMEOUT)

    def wait(self, seconds: float = TIMEOUT) -> int:
        """Wait for the run's end, and return its exit code.

        Raises:
            TimeoutError: if it does not come.
        """
        self._process.join(seconds)
        exit_code = self._process.exitcode
        if exit_code is None:
            self._process.kill()
            self._process.join()
            message = f"the tap did not end: {self._read('log')[-2000:]}"
            raise TimeoutError(message)
        self._process.close()
        return exit_code

    def finish(self) -> Run:
        """Wait for the run's end, and read what it left behind; the same when asked again."""
        if self._run is None:
            exit_code = self.wait()
            self._run = Run(exit_code, self._read("output"), self._read("log"))
        return self._run

    def _read(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")


@dataclass(frozen=True)
class Tap:
    """The tap with settings and a folder for what it writes.

    Attributes:
        folder: every run has a folder of its own in it, where it is started.
        settings: the settings of every run; what is None is left out.
        environment: variables that every run has beside those of the tests.
        now: Unix time at which its runs begin, as they see it; None for the true one.
        most_ids: how many ids of a list its states hold; None for the true number, for which
            a list has to be very long.
    """

    folder: Path
    settings: Row = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    now: float | None = None
    most_ids: int | None = None

    def pointed_at(self, api: Api, **settings: object) -> Tap:
        """The tap with the address and the credentials of a server, and without limits."""
        return Tap(
            self.folder,
            {
                "api_url": api.url,
                "client_id": api.client_id,
                "client_secret": api.client_secret,
                "requests_per_second": 0,
                "requests_per_hour": 0,
                **settings,
            },
            self.environment,
            self.now,
            self.most_ids,
        )

    def within(self, **environment: str) -> Tap:
        """The tap with these environment variables."""
        return replace(self, environment=self.environment | environment)

    def with_json_logs(self, level: str = "DEBUG") -> Tap:
        """The tap with a log as the SDK structures it: an object a line."""
        handler = {"class": "logging.StreamHandler", "formatter": "json"}
        config = {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"json": {"()": "singer_sdk.logging.StructuredFormatter"}},
            "handlers": {"console": handler},
            "root": {"handlers": ["console"], "level": level},
        }
        return self.within(SINGER_SDK_LOG_CONFIG=written(self.folder / "logs.json", config))

    def start(self, *streams: str, state: Row | None = None, **settings: object) -> Started:
        """Start a run.

        Args:
            streams: which streams are selected; those of the tap's own choice if none.
            state: what an earlier run left.
            settings: changes to the settings; None takes one away.
        """
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        words = ["--config", written(folder / "settings.json", self._merged(folder, settings))]
        if streams:
            words += ["--catalog", written(folder / "catalog.json", catalog_of(streams))]
        if state is not None:
            words += ["--state", written(folder / "state.json", state)]
        return self._fork(folder, words)

    def command(self, *streams: str, **settings: object) -> list[str | Path]:
        """The command line of a run, for a test that starts it in a way of its own."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        merged = self._merged(folder, settings)
        return [
            INSTALLED,
            *("--config", written(folder / "settings.json", merged)),
            *("--catalog", written(folder / "catalog.json", catalog_of(streams))),
        ]

    def run(self, *streams: str, state: Row | None = None, **settings: object) -> Run:
        """Run to the end, which must be a good one. For arguments see `start`."""
        run = self.start(*streams, state=state, **settings).finish()
        assert run.exit_code == 0, run.log[-4000:]
        return run

    def fail(self, *streams: str, state: Row | None = None, **settings: object) -> Run:
        """Run to the end, which must be a bad one without a traceback."""
        run = self.start(*streams, state=state, **settings).finish()
        assert run.exit_code not in {0, -9}, run.log[-4000:]
        assert "Traceback" not in run.log, run.log[-4000:]
        return run

    def call(self, *arguments: str, **settings: object) -> Run:
        """Run with these words of the command line; with settings only if there are any."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        if merged := self._merged(folder, settings):
            arguments += ("--config", written(folder / "settings.json", merged))
        return self._fork(folder, list(arguments)).finish()

    def _merged(self, folder: Path, changes: Row) -> Row:
        merged = {**self.settings, **changes}
        if merged:
            own = {"quota_store": str(folder / "quota.sqlite"), "spool": str(folder / "spool")}
            merged = own | merged
        return {name: value for name, value in merged.items() if value is not None}

    def _fork(self, folder: Path, words: list[str]) -> Started:
        arguments = (str(folder), words, self.environment, self.now, self.most_ids)
        process = _FORKS.Process(target=_be_the_tap, args=arguments)
        process.start()
        return Started(process, folder)


def installed(*arguments: str, **environment: str) -> Run:
    """Run the command as it is installed, with this environment and no other."""
    done = subprocess.run(
        [INSTALLED, *arguments],
        capture_output=True,
        check=False,
        env=environment,
        text=True,
        timeout=TIMEOUT,
    )
    return Run(done.returncode, done.stdout, done.stderr)


def catalog_of(streams: Sequence[str]) -> Row:
    """The tap's catalog with just these streams selected."""
    assert set(streams) <= set(STREAMS), streams
    catalog: Row = json.loads(discovered())
    for entry in catalog["streams"]:
        (root,) = [item for item in entry["metadata"] if item["breadcrumb"] == []]
        root["metadata"]["selected"] = entry["stream"] in streams
    return catalog


@functools.cache
def discovered() -> str:
    """What `--discover` says."""
    with tempfile.TemporaryDirectory() as folder:
        credentials = {"client_id": "anybody", "client_secret": "anything"}
        return Tap(Path(folder), credentials).call("--discover").output


def _be_the_tap(
    folder: str,
    words: list[str],
    environment: dict[str, str],
    now: float | None,
    most_ids: int | None,
) -> None:
    """Become the tap: its streams, place, words and time. Runs in the forked process."""
    # The tests themselves do not need them.
    from tap_ft42.census import accounts, presence  # noqa: PLC0415
    from tap_ft42.cli import main  # noqa: PLC0415

    for name in [name for name in os.environ if name.startswith(("TAP_FT42_", "MELTANO_"))]:
        del os.environ[name]
    os.environ.update(environment, HOME=folder)
    os.chdir(folder)
    for stream, name in ((1, "output"), (2, "log")):
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, stream)
        os.close(file)
    sys.argv = ["tap-ft42", *words]
    if now is not None:
        time_machine.travel(now, tick=True).start()
    if most_ids is not None:
        for module in (accounts, presence):
            vars(module)["MOST_IDS"] = most_ids
    main()


def written(file: Path, content: Row) -> str:
    """Write JSON into a file, and return its path."""
    file.write_text(json.dumps(content), encoding="utf-8")
    return str(file)
