"""The frame's own answers: links keep the language, alternates, feeds once, the one navigation list."""

from dataclasses import replace

from fedi_cluster.http.frame import FeedLink, PageFrame, RegionChip, Site, look_of, navigation
from fedi_cluster.http.locale import words_for

_SITE = Site(
    base_url="https://szczecin.example",
    cluster_name="South Baltic Creative Cluster",
    home=RegionChip("szczecin", "Szczecin", "/r/szczecin"),
    stylesheet="/static/style.css",
    icon="/static/icon.svg",
    feeds=(FeedLink("All", "/public/cluster.atom"), FeedLink("Here", "/public/local.atom")),
)
_PAGE = PageFrame(
    site=_SITE, title="R", description="d", language="de", path="/r/rostock?before=12", region="rostock"
)


def test_local_links_keep_the_prefix_and_others_do_not() -> None:
    page = replace(_PAGE, prefix="de")
    assert page.link("/@name/12#answers") == "/de/@name/12#answers"
    assert page.link("https://rostock.example/x") == "https://rostock.example/x"
    assert page.link("//evil.example/x") == "//evil.example/x"
    assert page.link("#feeds") == "#feeds"
    assert _PAGE.link("/@name") == "/@name"


def test_the_canonical_address_is_the_one_that_was_asked() -> None:
    assert _PAGE.address == "https://szczecin.example/r/rostock?before=12"
    assert replace(_PAGE, prefix="de").address == "https://szczecin.example/de/r/rostock?before=12"
    assert replace(_PAGE, canonical="https://rostock.example/").address == "https://rostock.example/"


def test_every_language_has_its_address() -> None:
    assert [other.url for other in _PAGE.alternates] == [
        f"/{tag}/r/rostock?before=12" for tag in ("en", "pl", "de", "lt", "sv")
    ]


def test_a_feed_is_listed_once() -> None:
    page = replace(_PAGE, feeds=(FeedLink("All", "/public/cluster.atom"), FeedLink("R", "/r/rostock.atom")))
    assert [feed.url for feed in page.all_feeds] == [
        "/public/cluster.atom",
        "/r/rostock.atom",
        "/public/local.atom",
    ]


def test_a_region_without_a_look_takes_the_clusters() -> None:
    assert look_of("rostock") == "rostock"
    assert look_of("gdansk") == "cluster"
    assert look_of(None) == "cluster"
    assert RegionChip('"><script>', "x", "/").look == "cluster"


def test_the_navigation_says_where_one_is() -> None:
    here = [item.label for item in navigation(words_for("en"), "/public/local?before=3") if item.here]
    assert here == ["Timelines"]
    assert [item.here for item in navigation(words_for("sv"), "/r/rostock")] == [False] * 4
