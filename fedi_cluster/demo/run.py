"""Runs the demo for a person: starts, fills, tells what to look at, ends without a trace; checks nothing."""

import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fedi_cluster.demo.facts import FIFTH, DemoFacts, load
from fedi_cluster.demo.gathering import each, gather, join_fifth, publish_facts
from fedi_cluster.demo.servers import Server, demand_free, ended, free_ports
from fedi_cluster.kernel.errors import Conflict, Invalid

FIRST_PORT = 8001
PLACES = 5

Say = Callable[[str], None]


class Interrupted(BaseException):
    """The demo was asked to end; no error, and nothing on the way may hold it up."""


def _interrupt(_number: int, _frame: object) -> None:
    if not ended.is_set():  # a second Ctrl-C does not hold up the end
        ended.set()
        raise Interrupted


@contextmanager
def signals() -> Iterator[None]:
    """Ctrl-C, SIGTERM and a closed terminal all end the demo by `Interrupted`."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    ended.clear()
    former = {number: signal.signal(number, _interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextmanager
def the_servers(
    first_port: int | None, folder: Path | None, facts: DemoFacts, *, keep: bool
) -> Iterator[list[Server]]:
    """The servers of all regions that take part, not begun; at the end all are stopped, and without `keep`
    their folders are gone.

    `first_port` is the first of five, None for free ones; without `folder` it is a temporary one. Raises
    `Invalid` where a port is taken, `Conflict` where the folder is not empty.
    """
    if first_port is None:
        ports = free_ports(PLACES)
    else:
        ports = list(range(first_port, first_port + PLACES))
        demand_free(ports[: len(facts.regions)])
    is_new = folder is None or not folder.exists()
    place = _folder(folder)
    servers = [
        Server(region, port, place / region.slug) for region, port in zip(facts.regions, ports, strict=False)
    ]
    try:
        yield servers
    finally:
        _end(servers)
        if not keep:
            for server in servers:
                shutil.rmtree(server.folder, ignore_errors=True)
            if is_new:
                shutil.rmtree(place, ignore_errors=True)


def _folder(wanted: Path | None) -> Path:
    if wanted is None:
        return Path(tempfile.mkdtemp(prefix="fedi-cluster-demo-"))
    try:
        wanted.mkdir(parents=True, exist_ok=True)
        if any(wanted.iterdir()):
            raise Conflict(f"The folder {wanted} is not empty; choose another --dir.")
    except OSError as error:
        raise Invalid(f"The folder {wanted} cannot be used: {error.strerror}.") from error
    return wanted.absolute()


def _end(servers: Sequence[Server]) -> None:
    """Stops all at once, whatever signal comes meanwhile."""
    ended.set()
    each(Server.stop, servers)


def run_demo(servers: Sequence[Server], facts: DemoFacts, say: Say, *, keep: bool) -> None:
    """Starts the servers, joins and fills them, tells where they are, and stays until it is interrupted."""
    fifth = next((one for one in servers if one.slug == FIFTH), None)
    four = [one for one in servers if one is not fifth]
    say("Starting and joining (about a quarter of a minute):")
    seconds = gather(four, say)
    say(f"Four instances know each other after {seconds:.0f} s. Publishing the facts:")
    items = publish_facts(four, servers, with_fifth=fifth is not None)
    say(f"  {len(items)} posts")
    if fifth is not None:
        say(f"{fifth.region.name} joins the running cluster:")
        join_fifth(fifth, four[0], say)
        items |= publish_facts([fifth], servers, with_fifth=True)
    _tell(servers, say, keep=keep)
    _stay(servers, say)


def _tell(servers: Sequence[Server], say: Say, *, keep: bool) -> None:
    rows = [("REGION", "ADDRESS", "EDITORIAL ACCOUNT", "FOLDER"), *(_row(one) for one in servers)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    say("")
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    first, second = servers[0], servers[1]
    say("")
    say("Look at:")
    say(f"  {first.base}/public/cluster   the news of all regions; every region shows the same")
    say(f"  {second.base}/r/{second.slug}   the page of a region")
    say("Publish in one region and see it in the others:")
    command = _command()
    say(f'  {command} --config {second.config} post "Guten Tag, Ostsee!" --lang de')
    say("How the instances stand to each other:")
    say(f"  {command} --config {first.config} cluster status")
    kept = "the folders stay" if keep else "and all of this is gone (--keep would keep it)"
    say(f"\nCtrl-C ends the servers, {kept}.")


def _command() -> str:
    """Our command as this person can type it: she may have no environment activated."""
    return sys.argv[0] if Path(sys.argv[0]).name == "fedi-cluster" else "python -m fedi_cluster"


def _row(server: Server) -> tuple[str, str, str, str]:
    return server.region.name, server.base, f"@{server.office}", str(server.folder)


def _stay(servers: Sequence[Server], say: Say) -> None:
    """Waits for the interruption; says so when a server ends meanwhile, and leaves it."""
    never = threading.Event()
    while True:
        never.wait(0.5)
        for server in servers:
            if server.process is not None and (code := server.process.poll()) is not None:
                server.process = None
                say(f"The server of {server.slug} ended with {code}. {server.last_words()}".rstrip())
                say(f"Start it again with: {_command()} --config {server.config} serve")


def facts_for(*, with_fifth: bool) -> DemoFacts:
    """The facts of the regions that take part."""
    return load(with_fifth)
