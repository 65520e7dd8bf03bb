"""The demo check: real servers publish, edit, delete, fail and come back, and what visitors read is compared.

It looks from outside only, over HTTP and by commands, so that it believes nothing that a visitor cannot see.
"""

import json
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import cast

from fedi_cluster.demo.expected import (
    Expected,
    Sights,
    compare,
    gone,
    of_item,
    place_of,
    timeline,
)
from fedi_cluster.demo.facts import DemoFacts
from fedi_cluster.demo.gathering import await_in_step, each, gather, join_fifth, publish_facts, standing
from fedi_cluster.demo.pages import read_list, read_post
from fedi_cluster.demo.report import Report
from fedi_cluster.demo.servers import PATIENCE, Server, Visitor, until
from fedi_cluster.demo.texts import as_read
from fedi_cluster.kernel.errors import ClusterError, Unavailable

CONVERGED = 15.0
FIRST_ANSWER = 2.0
ON_SISTERS = 2.0
IDLE = 90.0
"""Targets: seconds until four servers are a cluster, until a started one answers, until a post is on all
sisters; MiB of an idle server."""

_TAG = "DemoCheck"
_WORDS = {
    "pl": "Sprawdzenie demonstracji, krok „{step}”: ten wpis z regionu {name} ma stać wszędzie raz.",
    "de": "Probe der Demo, Schritt „{step}“: Dieser Beitrag der Region {name} soll überall einmal stehen.",
    "lt": "Demonstracijos patikra, žingsnis „{step}“: šis regiono {name} įrašas visur turi būti vieną kartą.",
    "sv": "Prov av demon, steg ”{step}”: inlägget från regionen {name} ska stå överallt en gång.",
}


@dataclass
class Journey:
    """What was published so far and must be read everywhere; `servers` are those that joined, the first one
    invited the others."""

    servers: list[Server]
    facts: DemoFacts
    report: Report
    posts: dict[str, Expected] = field(default_factory=dict)
    deleted: list[Expected] = field(default_factory=list)
    sights: Sights = field(default_factory=dict)

    def compared(self, *, anew: bool = False) -> list[str]:
        """Faults of all posts on all servers; `anew` looks also at those again that were right before."""
        sights = {
            key: replace(sight, as_expected=None) if anew else sight for key, sight in self.sights.items()
        }
        faults, self.sights = compare(self.servers, self.posts.values(), sights)
        return faults

    def note(self) -> str:
        """How much was compared."""
        return f"{len(self.posts)} posts in {len(self.servers)} regions, each once"


def run_check(
    servers: Sequence[Server], fifth: Server | None, facts: DemoFacts, say: Callable[[str], None]
) -> bool:
    """The whole journey of `servers` (not begun yet), with a `fifth` that joins later; prints the report.

    True where no check failed. The servers run on afterwards, for who began them ends them.
    """
    began = time.monotonic()
    journey = Journey(list(servers), facts, Report(say))
    journey.report.explain = lambda: standing(journey.servers)
    if _gather(journey, fifth):
        _fresh(journey)
        if fifth is not None:
            _join(journey, fifth)
        _edit_and_delete(journey)
        _outage(journey, journey.servers[3], signal.SIGTERM, "stopped")
        _outage(journey, journey.servers[2], signal.SIGKILL, "killed")
        _restore(journey, journey.servers[1])
        _quiet(journey)
    journey.report.tell(time.monotonic() - began)
    return journey.report.is_well


def _gather(journey: Journey, fifth: Server | None) -> bool:
    """Four instances become a cluster with the facts; False where that failed: then nothing else counts."""
    report, servers = journey.report, journey.servers
    with report.check("four instances are a cluster") as check:
        seconds = gather(servers, report.say)
        check.note = f"every one knows the {len(servers) - 1} others"
        report.measured("four instances started and joined", seconds, CONVERGED, "s")
        report.measured("start to first answer", max(one.started[0] for one in servers), FIRST_ANSWER, "s")
        report.measured("memory of an idle server", _held(journey), IDLE, "MiB")
    if not check.faults:
        with report.check("the facts stand in every region") as check:
            _publish(journey, servers, fifth)
            check.faults += journey.compared()
            check.note = journey.note()
    return report.is_well


def _publish(journey: Journey, servers: Sequence[Server], fifth: Server | None) -> None:
    """Publishes the facts of some servers, and waits until they are everywhere."""
    homes = [*journey.servers, *([fifth] if fifth and fifth not in journey.servers else [])]
    published = publish_facts(servers, homes, with_fifth=fifth is not None)
    for server in servers:
        region = next(one for one in journey.facts.regions if one.slug == server.slug)
        for item in region.items:
            expected = of_item(item, server, published[item.id])
            journey.posts[expected.uri] = expected
    _await_number(journey)


def _await_number(journey: Journey) -> None:
    wanted = len(journey.posts)

    def count(server: Server) -> int:
        with Visitor(server) as visitor:
            return len(timeline(visitor))

    for server in journey.servers:
        reached = 0

        def reach(server: Server = server) -> bool | None:
            nonlocal reached
            reached = count(server)
            return reached >= wanted or None

        try:
            until("", reach)
        except Unavailable as error:
            raise ClusterError(f"{server.slug} shows {reached} of {wanted} posts.") from error


def _post(journey: Journey, server: Server, step: str) -> tuple[Expected, float]:
    """Publishes by the command of a host; gives what must be read, and the moment when it was stored."""
    region = server.region
    link = region.sources[0]
    words = _WORDS[region.language].format(step=step, name=region.name)
    text = f"{words}\n\n{link}"
    process = server.begin("post", text, "--lang", region.language, "--tag", _TAG)
    assert process.stdout is not None
    assert process.stderr is not None
    watch = threading.Timer(PATIENCE, process.kill)
    watch.start()
    with process.stdout as says, process.stderr as complains:
        url = says.readline().strip()
        stored = time.monotonic()
        uri = says.readline().strip()
        complaint = complains.read().strip()
    watch.cancel()
    if process.wait(PATIENCE) or not uri:
        raise ClusterError(f"In {server.slug}: {complaint}")
    post = Expected(
        origin=server,
        uri=uri,
        url=url,
        type="Note",
        text=as_read(text, (_TAG,)),
        languages=(region.language,),
        links=(link,),
    )
    journey.posts[post.uri] = post
    return post, stored


def _await_posts(servers: Sequence[Server], posts: Sequence[Expected], since: float) -> float:
    """Returns when fresh posts stand in the timelines of all servers; gives the seconds `since` a moment."""
    for server in servers:
        with Visitor(server) as visitor:
            for post in posts:
                words = post.text.partition("http")[0].strip()

                def stands(visitor: Visitor = visitor, words: str = words) -> bool | None:
                    page = read_list(visitor.get("/public/cluster").text)
                    return any(words in text for _, text in page.posts) or None

                until(f"the post {post.uri} in {server.slug}", stands)
    return time.monotonic() - since


def _fresh(journey: Journey) -> None:
    report = journey.report
    with report.check("fresh posts reach every region") as check:
        slowest = 0.0
        for server in journey.servers:
            post, stored = _post(journey, server, "1")
            slowest = max(slowest, _await_posts(journey.servers, [post], stored))
        report.measured("a post on all sisters", slowest, ON_SISTERS, "s")
        check.faults += journey.compared()
        check.note = journey.note()


def _join(journey: Journey, fifth: Server) -> None:
    report = journey.report
    with report.check("a fifth instance joins and starts full") as check:
        join_fifth(fifth, journey.servers[0], report.say)
        journey.servers.append(fifth)
        _await_number(journey)
        _publish(journey, [fifth], fifth)
        check.faults += journey.compared()
        check.note = journey.note()


def _fresh_of(journey: Journey, server: Server) -> Expected:
    """The first fresh post of a server."""
    found = next((one for one in journey.posts.values() if one.origin is server and one.title is None), None)
    if found is None:
        raise ClusterError(f"{server.slug} has published no fresh post.")
    return found


def _edit(journey: Journey, post: Expected, word: str) -> Expected:
    """Replaces a post's text by the command of a host."""
    text = f"{word}: {post.text.removesuffix(f' #{_TAG}')}"
    post.origin.command("post", "edit", post.uri, text)
    changed = replace(post, text=as_read(text, (_TAG,)))
    journey.posts[post.uri] = changed
    return changed


def _await_text(journey: Journey, servers: Sequence[Server], post: Expected) -> None:
    for server in servers:
        path = place_of(journey.sights, server, post)
        with Visitor(server) as visitor:

            def changed(visitor: Visitor = visitor, path: str = path) -> bool | None:
                page = read_post(visitor.get(path).text)
                return (page is not None and page.text == post.text) or None

            until(f"the edited text of {post.uri} in {server.slug}", changed)


def _edit_and_delete(journey: Journey) -> None:
    report, servers = journey.report, journey.servers
    with report.check("an edit reaches every region") as check:
        began = time.monotonic()
        changed = _edit(journey, _fresh_of(journey, servers[0]), "Edit 1")
        _await_text(journey, servers, changed)
        check.note = f"{time.monotonic() - began:.1f} s with the command"
    with report.check("a deletion reaches every region") as check:
        doomed = _fresh_of(journey, servers[1])
        began = time.monotonic()
        doomed.origin.command("post", "delete", doomed.uri)
        journey.posts.pop(doomed.uri)
        journey.deleted.append(doomed)
        for server in servers:
            path = place_of(journey.sights, server, doomed)
            with Visitor(server) as visitor:

                def is_gone(visitor: Visitor = visitor, path: str = path) -> bool | None:
                    return visitor.get(path).status == HTTPStatus.GONE or None

                until(f"410 for {doomed.uri} in {server.slug}", is_gone)
        check.faults += gone(servers, doomed, journey.sights)
        check.note = f"410 everywhere, {time.monotonic() - began:.1f} s with the command"


def _outage(journey: Journey, out: Server, number: signal.Signals, how: str) -> None:
    """A server ends, the others publish and edit, its own host publishes; then it starts again."""
    report, servers = journey.report, journey.servers
    others = [one for one in servers if one is not out]
    with report.check(f"{out.slug} is {how} and comes back") as check:
        code = out.stop(number)
        if number is signal.SIGTERM and code != 0:
            check.faults.append(f"{out.slug} ended with {code}, not 0")
        try:
            began = time.monotonic()
            missed = [post for post, _ in each(lambda one: _post(journey, one, how), servers)]
            changed = _edit(journey, _fresh_of(journey, servers[0]), f"Edit while {out.slug} was {how}")
            own = [post for post in missed if post.origin is out]
            _await_posts(others, [post for post in missed if post.origin is not out], began)
            _await_text(journey, others, changed)
        finally:
            started = out.start()
        back = time.monotonic()
        _await_posts([out], missed, back)
        _await_text(journey, [out], changed)
        caught_up = time.monotonic() - back
        _await_posts(others, own, back)
        report.measured(f"{out.slug}, {how}: start to first answer", started, FIRST_ANSWER, "s")
        check.faults += journey.compared()
        for post in journey.deleted:
            check.faults += gone(servers, post, journey.sights)
        check.note = f"{caught_up:.1f} s after its first answer it had all; {journey.note()}"


def _restore(journey: Journey, lost: Server) -> None:
    """A server gets an old copy of its database back; what it lost since comes from the others."""
    report, servers = journey.report, journey.servers
    with report.check(f"{lost.slug} is restored from an old copy") as check:
        await_in_step(servers)
        place = str(lost.folder.parent / "copies")
        copy = cast(str, json.loads(lost.command("backup", place, "--json"))["copy"])
        began = time.monotonic()
        missed = [post for post, _ in each(lambda one: _post(journey, one, "copy"), servers)]
        changed = _edit(journey, _fresh_of(journey, lost), f"Edit after the copy of {lost.slug}")
        _await_posts(servers, missed, began)
        _await_text(journey, servers, changed)
        lost.stop()
        try:
            lost.command("restore", copy, "--replace")
        finally:
            lost.start()
        back = time.monotonic()
        told = until(f"what the others hold of {lost.slug}", lambda: _taken_back(lost))
        _await_posts(servers, missed, back)
        _await_text(journey, servers, changed)
        check.faults += journey.compared()
        for post in journey.deleted:
            check.faults += gone(servers, post, journey.sights)
        check.note = f"{told.lower()} from its sisters; {journey.note()}"


def _taken_back(lost: Server) -> str | None:
    """What the command says that takes it back; None as long as the sisters have not verified all copies."""
    try:
        said = lost.command("cluster", "recover", "--yes")
    except ClusterError:
        return None
    return next((line for line in said.splitlines() if line.startswith("Taken back")), None)


def _quiet(journey: Journey) -> None:
    report = journey.report
    with report.check("at the end") as check:
        check.faults += journey.compared(anew=True)
        for post in journey.deleted:
            check.faults += gone(journey.servers, post, journey.sights)
        await_in_step(journey.servers)
        check.note = f"{journey.note()}; nothing waits, nothing was given up"
    report.measured("memory of an idle server, at the end", _held(journey), IDLE, "MiB")


def _held(journey: Journey) -> float | None:
    """The memory of the largest server process, in MiB."""
    held = [size for one in journey.servers if (size := one.resident()) is not None]
    return max(held) if held else None
