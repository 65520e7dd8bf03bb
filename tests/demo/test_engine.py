"""The engine of the demo without its servers: ports, waiting, pages, tables, and what stops a start."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from fedi_cluster.cli.demo import demo
from fedi_cluster.demo import servers
from fedi_cluster.demo.facts import load
from fedi_cluster.demo.gathering import each
from fedi_cluster.demo.pages import read, read_list, read_post
from fedi_cluster.demo.report import Report
from fedi_cluster.demo.servers import Server, Visitor, demand_free, free_ports, is_free, until
from fedi_cluster.kernel.errors import Invalid, Unavailable, Unreachable


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that a program listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.fixture(autouse=True)
def _goes_on() -> Iterator[None]:
    servers.ended.clear()
    yield
    servers.ended.clear()


def test_free_ports_are_free_and_differ() -> None:
    found = free_ports(5)
    assert len(set(found)) == 5
    assert all(is_free(port) for port in found)


def test_a_taken_port_is_told_in_one_sentence(taken: int) -> None:
    with pytest.raises(Invalid, match=f"port {taken}: stop it"):
        demand_free([taken])


def test_waiting_says_what_it_waited_for() -> None:
    answers = iter([None, None, 3])
    assert until("three", lambda: next(answers)) == 3
    with pytest.raises(Unavailable, match=r"0.1 seconds in vain for this: rain"):
        until("rain", lambda: None, seconds=0.1)


def test_nothing_is_waited_for_when_the_demo_ends() -> None:
    threading.Timer(0.1, servers.ended.set).start()
    with pytest.raises(Unavailable, match="ended before this: rain"):
        until("rain", lambda: None, seconds=20)


def test_the_first_error_of_many_is_raised() -> None:
    def halve(number: int) -> int:
        if number % 2:
            raise Invalid(f"{number} is odd")
        return number // 2

    assert each(halve, [2, 4, 6]) == [1, 2, 3]
    assert each(halve, []) == []
    with pytest.raises(Invalid, match="3 is odd"):
        each(halve, [2, 3, 4])


def test_who_does_not_answer_is_named(tmp_path: Path) -> None:
    region = load(with_fifth=False).regions[0]
    server = Server(region, free_ports(1)[0], tmp_path)
    with Visitor(server) as visitor, pytest.raises(Unreachable, match=r"szczecin\.localhost:\d+ does not"):
        visitor.get("/")


LIST = """<html lang="pl"><article><h3><a href="/@redakcja/1">Pierwszy</a></h3><p>Dwa<br>słowa</p></article>
<article><p><a href="https://b.example/@a/9">x</a> <a href="/@a@b.example:80/2">Drugi</a></p></article>
<article><p><a href="/r/szczecin">bez strony</a></p></article>
<nav><a href="/public/cluster?after=1" rel="prev">1</a>
<a href="/public/cluster?before=2" rel="next">2</a></nav>
"""

POST = """<!DOCTYPE html><html lang="sv"><head><meta charset="utf-8">
<link rel="alternate" type="application/activity+json" href="http://a.example/objects/7"></head><body>
<article class="main-post r-1"><div class="who"><p><b>Anna</b><br>
<span class="meta">@anna@a.example · i dag</span></p></div>
<h1 class="sr">Inlägg</h1><p class="stand" lang="de">Vorspann</p>
<div class="post-text"><div class="prose" lang="de"><p>Ein <a href="https://b.example/">Verweis</a></p>
<p>#<span>Tag</span></p></div></div><p class="acts"><a href="/interact">Svara</a>
<a href="http://a.example/@anna/7" rel="noopener nofollow">Öppna</a></p></article></body></html>"""


def test_a_list_is_read() -> None:
    page = read_list(LIST)
    assert [path for path, _ in page.posts] == ["/@redakcja/1", "/@a@b.example:80/2", ""]
    assert page.posts[0][1] == "Pierwszy Dwa słowa"
    assert page.older == "/public/cluster?before=2"


def test_a_post_is_read() -> None:
    page = read_post(POST)
    assert page is not None
    assert (page.uri, page.author, page.language) == ("http://a.example/objects/7", "anna@a.example", "de")
    assert (page.title, page.lede, page.text) == (None, "Vorspann", "Ein Verweis #Tag")
    assert page.links == {"https://b.example/"}
    assert page.origin == "http://a.example/@anna/7"
    assert read_post("<html><article></article></html>") is None
    assert read("<p>a</b>c</p>").text == "ac"


def test_the_report_marks_figures_and_fails_for_faults_alone() -> None:
    lines: list[str] = []
    report = Report(lines.append)
    with report.check("all is there") as check:
        check.note = "7 posts"
    report.measured("start", 3.0, 2.0, "s")
    report.measured("memory", None, 90, "MiB")
    assert report.is_well
    with report.check("nothing fails"):
        raise Unavailable("It did.")
    assert not report.is_well
    report.tell(12.3)
    told = "\n".join(lines)
    for part in ("all is there", "7 posts", "FAILED", "3.0 s", "above its target", "not told here", "1 of 2"):
        assert part in told
    assert "nothing fails: It did." in told


def test_a_taken_port_stops_the_start(taken: int, tmp_path: Path) -> None:
    result = CliRunner().invoke(demo, ["--ports", str(taken), "--dir", str(tmp_path / "new")])
    assert isinstance(result.exception, Invalid)
    assert str(taken) in str(result.exception)
    assert not (tmp_path / "new").exists()


def test_a_full_folder_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear", "utf-8")
    result = CliRunner().invoke(demo, ["--check", "--dir", str(tmp_path)])
    assert "is not empty" in str(result.exception)
    assert [file.name for file in tmp_path.iterdir()] == ["letter.txt"]


def test_the_command_teaches_and_hides_its_inner_part() -> None:
    told = CliRunner().invoke(demo, ["--help"]).output
    assert "--join-fifth" in told
    assert "Commands:" not in told
