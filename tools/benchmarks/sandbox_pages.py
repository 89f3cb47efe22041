"""How many pages a second a sandbox serves, and what it needs for that.

    .venv/bin/python -m tools.benchmarks.sandbox_pages --users 40000 --enrolments 1000000

starts a sandbox without limits or latency and reads pages of 100 rows over several
connections that are kept alive, from this process, which parses no more than it must.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from urllib.parse import quote, urlsplit

import click
import psutil
from ft42_sandbox.testing import RunningSandbox, running_sandbox

STUDENTS = "/v2/cursus/21/users?filter[kind]=student&filter[alumni?]=false"
READS = {
    "students": STUDENTS,
    "students by id": f"{STUDENTS}&sort=id",
    "students of a window": f"{STUDENTS}&range[updated_at]=2020-01-01T00:00:00.000Z,now",
    "projects_users": "/v2/projects_users?sort=id",
    "projects_users of a campus and cursus": (
        "/v2/projects_users?filter[campus]=1&filter[cursus]=21&sort=id"
    ),
    "cursus_users": "/v2/cursus/21/cursus_users?sort=id",
    "campus_users": "/v2/campus_users?sort=id",
    "achievements_users": "/v2/achievements_users?sort=id",
    "coalitions_users": "/v2/coalitions_users?sort=id",
    "achievements": "/v2/achievements?sort=id",
    "projects": "/v2/cursus/21/projects?sort=id",
}


async def read(sandbox: RunningSandbox, path: str, pages: list[int]) -> int:
    """Read pages over one connection, and return how many bytes came."""
    where = urlsplit(sandbox.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port, limit=1 << 24)
    head = (
        f"Host: {where.netloc}\r\nUser-Agent: bench\r\n"
        f"Authorization: Bearer {sandbox.token()}\r\n\r\n"
    )
    quoted, total = quote(path, safe="/?&=,:-"), 0
    while pages:
        page = f"&page[size]=100&page[number]={pages.pop()}"
        writer.write(f"GET {quoted}{page} HTTP/1.1\r\n{head}".encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(b"HTTP/1.1 200"):
            raise SystemExit(answer.decode())
        names = answer.lower()
        length = int(names.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        total += length
    writer.close()
    return total


async def measure(
    sandbox: RunningSandbox, name: str, path: str, pages: list[int], connections: int
) -> None:
    """Read pages over several connections, and print how fast that was."""
    count, started = len(pages), time.perf_counter()
    read_bytes = sum(
        await asyncio.gather(*(read(sandbox, path, pages) for _ in range(connections)))
    )
    seconds = time.perf_counter() - started
    speed = f"{count / seconds:6.0f} pages/s {read_bytes / seconds / 1e6:7.1f} MB/s"
    click.echo(f"{speed}  {count:4d} pages  {name}")


def main() -> None:
    """Start a sandbox, read every list twice, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=40_000)
    parser.add_argument("--enrolments", type=int, default=1_000_000)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--pages", type=int, default=400, help="at most, of each list")
    wanted = parser.parse_args()
    started = time.perf_counter()
    with running_sandbox(users=wanted.users, enrolments=wanted.enrolments) as sandbox:
        sandbox.get("/v2/cursus")
        taken = time.perf_counter() - started
        process = psutil.Process(psutil.Process().children()[0].pid)
        click.echo(f"first answer after {taken:.1f} s, {_memory(process)}")
        for name, path in READS.items():
            last = -(-sandbox.get(f"{path}&page[size]=1").total // 100)
            first = list(range(1, min(last, wanted.pages) + 1))
            parts = {"": first, " again": first}
            if last > 2 * wanted.pages:
                parts[f", the last of {last:,}"] = list(range(last - wanted.pages, last))
            for part, pages in parts.items():
                reading = measure(sandbox, name + part, path, [*pages], wanted.connections)
                asyncio.run(reading)
        click.echo(f"after reading: {_memory(process)}")


def _memory(process: psutil.Process) -> str:
    return f"{process.memory_info().rss / 1e6:.0f} MB resident"


if __name__ == "__main__":
    main()
