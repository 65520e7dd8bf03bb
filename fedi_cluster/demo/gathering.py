"""Founds the instances of the demo, joins them to a cluster and publishes the facts; it checks no posts.

All by the commands that hosts of these instances would use.
"""

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar, cast

from fedi_cluster.demo.publish import PublishedItem
from fedi_cluster.demo.servers import AS2, PATIENCE, Server, Visitor, until
from fedi_cluster.kernel.errors import ClusterError, Unavailable
from fedi_cluster.kernel.json import Json, parse_object

A = TypeVar("A")
B = TypeVar("B")

Say = Callable[[str], None]


def each(work: Callable[[A], B], things: Sequence[A]) -> list[B]:
    """The work done for each thing at the same time, the results in order; the first error is raised."""
    pool = ThreadPoolExecutor(len(things) or 1)
    try:
        return list(pool.map(work, things))
    finally:
        pool.shutdown(cancel_futures=True)


def gather(servers: Sequence[Server], say: Say) -> float:
    """Founds and starts all, joins the others to the first; gives the seconds until all know each other."""
    began = time.monotonic()
    first, *others = servers
    pool = ThreadPoolExecutor(len(servers))
    try:
        begun = pool.submit(_begin, first, say)
        for done in [begun, *(pool.submit(_begin_and_join, one, begun, first, say) for one in others)]:
            done.result()
    finally:
        pool.shutdown(cancel_futures=True)
    await_members(servers)
    await_in_step(servers)
    return time.monotonic() - began


def _begin(server: Server, say: Say) -> None:
    server.found()
    seconds = server.start()
    say(f"  {server.region.name}: {server.base} answers after {seconds:.1f} s")


def _begin_and_join(newcomer: Server, begun: "Future[None]", first: Server, say: Say) -> None:
    _begin(newcomer, say)
    begun.result(PATIENCE)
    newcomer.command("cluster", "join", invite(first))
    confirm(first, newcomer)


def invite(member: Server) -> str:
    """A one-time link for a newcomer."""
    return member.command("cluster", "invite").split()[0]


def confirm(member: Server, newcomer: Server) -> None:
    """Lets a newcomer in that has asked; its question may still be on its way."""

    refusal = ""

    def ask() -> bool | None:
        nonlocal refusal
        try:
            member.command("cluster", "confirm", newcomer.authority)
        except ClusterError as error:
            refusal = error.public
            return None
        return True

    try:
        until("", ask)
    except Unavailable as error:
        raise ClusterError(f"{newcomer.authority} could not be confirmed. {refusal}") from error


def await_members(servers: Sequence[Server]) -> None:
    """Returns when the public list of members of each server names all others."""
    for server in servers:
        with Visitor(server) as visitor:

            def knows_all(visitor: Visitor = visitor) -> bool | None:
                listed = parse_object(visitor.get("/cluster/members", accept=AS2).text.encode())
                named = cast(list[Json], listed.get("items") or [])
                return sum(one.get("creative:state") == "member" for one in named) >= len(servers) or None

            until(f"a list of {len(servers)} members in {server.slug}", knows_all)


def await_in_step(servers: Sequence[Server], *, seconds: float = PATIENCE) -> None:
    """Returns when each server knows all others, holds all that they have, and owes nobody anything.

    Raises `Unavailable` with what is missing after `seconds`.
    """
    ends = time.monotonic() + seconds
    waiting = list(servers)
    versions: dict[str, object] = {}
    while True:
        states = each(lambda one: _standing(one, servers), waiting)
        versions |= {one.slug: version for one, (version, _) in zip(waiting, states, strict=True)}
        missing = {one.slug: lack for one, (_, lack) in zip(waiting, states, strict=True) if lack}
        if not missing and len(set(versions.values())) == 1:
            return
        if time.monotonic() > ends:
            told = "; ".join(f"{slug}: {lack}" for slug, lack in missing.items()) or f"versions {versions}"
            raise Unavailable(f"The instances are not in step after {seconds:g} seconds. {told}.")
        newest = max(cast(int, version) for version in versions.values())
        waiting = [one for one in servers if one.slug in missing or versions[one.slug] != newest]


def standing(servers: Sequence[Server]) -> str:
    """What is not in step now, and why, as the commands of the hosts tell it; empty where all is well."""
    try:
        await_in_step(servers, seconds=0)
    except ClusterError as error:
        return error.public
    return ""


def _standing(server: Server, servers: Sequence[Server]) -> tuple[object, str]:
    """The version of the list of members there, and what is not in step yet (empty: nothing)."""
    told = cast(dict[str, object], json.loads(server.command("cluster", "status", "--json")))
    sisters = {
        cast(str, one["host"]): one for one in cast(list[dict[str, object]], told.get("sisters") or [])
    }
    lacks = [] if told.get("member") else ["no member yet"]
    for other in servers:
        if other is server:
            continue
        known = sisters.get(other.authority)
        if known is None:
            lacks.append(f"does not know {other.slug}")
            continue
        if known.get("state") != "member" or not known.get("admitted"):
            lacks.append(f"{other.slug} is {known.get('state')}")
        if known.get("compare_state") != "in_step":
            lacks.append(f"{known.get('missing')} of {other.slug} missing ({known.get('compare_error')})")
        if known.get("waiting") or known.get("given_up"):
            error = known.get("error")
            lacks.append(
                f"{known.get('waiting')} waiting and {known.get('given_up')} given up for {other.slug}"
                + (f" ({error})" if error else "")
            )
    return told.get("version"), ", ".join(lacks)


def publish_facts(
    servers: Sequence[Server], homes: Sequence[Server], *, with_fifth: bool
) -> dict[str, PublishedItem]:
    """Publishes on each of `servers` what lives there; `homes` are all that take part. Items by their id."""
    places = [text for home in homes for text in ("--home", f"{home.slug}={home.base}")]
    fifth = ["--join-fifth"] if with_fifth else []

    def publish(server: Server) -> str:
        return server.command("demo", *fifth, "publish", server.slug, *places)

    return {
        item: PublishedItem(**found)
        for told in each(publish, servers)
        for item, found in cast(dict[str, dict[str, str]], json.loads(told)).items()
    }


def join_fifth(newcomer: Server, first: Server, say: Say) -> None:
    """A newcomer joins the running cluster; a terminal shows how the posts of the others arrive."""
    _begin(newcomer, say)
    patience = ("--timeout", f"{PATIENCE:.0f}")
    joining = newcomer.begin("cluster", "join", invite(first), "--wait", *patience, quiet=False)
    try:
        confirm(first, newcomer)
        code = joining.wait(2 * PATIENCE)
    finally:
        with suppress(ProcessLookupError):
            joining.kill()
        joining.wait()
    if code:
        raise ClusterError(f"{newcomer.slug} could not join; the complaint stands above.")
