"""How many pages a second a sandbox serves, and what it needs for that.

    .venv/bin/python tests/sandbox/bench_pages.py --users 40000 --enrolments 1000000

starts a sandbox without limits or latency and reads pages of 100 rows over several
connections that are kept alive, from this process, which parses no more than it must.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from urllib.parse import quote, urlsplit

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
    sandbox: RunningSandbox, path: str, pages: list[int], connections: int
) -> None:
    """Read pages over several connections, and print how fast that was."""
    count, started = len(pages), time.perf_counter()
    read_bytes = sum(
        await asyncio.gather(*(read(sandbox, path, pages) for _ in range(connections)))
    )
    seconds = time.perf_counter() - started
    print(
        f"{count / seconds:8.0f} pages/s {read_bytes / seconds / 1e6:8.1f} MB/s"
        f" {count:6d} pages",
        end="  ",
    )


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
        process = next(
            p
            for p in psutil.Process().children()
            if f":{urlsplit(sandbox.url).port}"
            in {f":{c.laddr.port}" for c in p.net_connections() if c.laddr}
        )
        print(f"first answer after {time.perf_counter() - started:.1f} s, {_memory(process)}")
        for name, path in READS.items():
            total = sandbox.get(f"{path}&page[size]=1").total
            last = -(-total // 100)
            for state in ("cold", "warm"):
                pages = list(range(1, min(last, wanted.pages) + 1))
                asyncio.run(measure(sandbox, path, pages, wanted.connections))
                print(f"{state}  {name}")
            if last > 2 * wanted.pages:
                pages = list(range(last - wanted.pages, last))
                asyncio.run(measure(sandbox, path, pages, wanted.connections))
                print(f"the last of {last} pages  {name}")
        print(f"after reading: {_memory(process)}")


def _memory(process: psutil.Process) -> str:
    return f"{process.memory_info().rss / 1e6:.0f} MB resident"


if __name__ == "__main__":
    main()
