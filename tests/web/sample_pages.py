"""Sample pages in every page language, for the tests of the look and for eyes: `sample_pages.py FOLDER`.

The texts are made up or public facts of the demonstration; nothing here is read from a database.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from markupsafe import Markup

from fedi_cluster.http.frame import FeedLink, PageFrame, RegionChip, Site, south_baltic_funding
from fedi_cluster.http.locale import Words, words_for
from fedi_cluster.http.render import render
from fedi_cluster.kernel.languages import PAGE_LANGUAGES
from fedi_cluster.web.static_files import static_files, static_url
from fedi_cluster.web.viewmodels import homes, posts
from fedi_cluster.web.viewmodels.errors import error_view
from fedi_cluster.web.viewmodels.interact import InteractView, no_server_found
from fedi_cluster.web.viewmodels.parts import Author, Link, PageLinks, when
from fedi_cluster.web.viewmodels.posts import PostCard, ThreadView, kind_label, language_note
from fedi_cluster.web.viewmodels.profiles import ProfileField, ProfileView, actor_label

ZONE = ZoneInfo("Europe/Warsaw")
HOST = "szczecin.example"


REGIONS = {
    slug: RegionChip(slug, name, f"/r/{slug}")
    for slug, name in (
        ("szczecin", "Szczecin"), ("rostock", "Rostock"), ("rietavas", "Rietavas"),
        ("karlshamn", "Karlshamn"), ("elblag", "Elbląg"), ("gdansk", "Gdańsk"),
    )
}  # fmt: skip
_EDITORS = {
    "szczecin": ("Redakcja Szczecin", "pl"),
    "rostock": ("Redaktion Rostock", "de"),
    "rietavas": ("Rietavo redakcija", "lt"),
    "karlshamn": ("Redaktionen Karlshamn", "sv"),
    "elblag": ("Redakcja Elbląg", "pl"),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One page to print."""

    name: str
    template: str
    view: object
    page: PageFrame


def _author(name: str, slug: str, shown: str, lang: str) -> Author:
    handle = f"@{name}@{slug}.example"
    return Author(shown, handle, f"/{handle}", lang)


def _editor(slug: str) -> Author:
    name, lang = _EDITORS[slug]
    host = HOST if slug == "szczecin" else f"{slug}.example"
    path = "/@redakcja" if slug == "szczecin" else f"/@redaktion@{host}"
    return Author(name, f"@redakcja@{host}", path, lang, demo=True)


def _news(
    words: Words, slug: str, kind: str, title: str, text: str, *, day: datetime, source: str
) -> PostCard:
    author = _editor(slug)
    number = 116_000_000_000_000_000 + int(day.timestamp())
    return PostCard(
        author=author,
        url=f"{author.url}/{number}",
        published=when(words, day, ZONE),
        content=Markup("<p>{}</p>").format(text),
        excerpt=text,
        title=title,
        lang=author.lang,
        language_note=language_note(words, author.lang),
        region=REGIONS[slug],
        kind_label=kind_label(words, kind),
        source=Link(source, f"https://{source}/"),
        origin_url=None if slug == "szczecin" else f"https://{slug}.example{author.url}/{number}",
        answer_url=f"/interact?uri=https%3A%2F%2F{slug}.example%2Fobjects%2F{number}",
    )


_ITEMS = (
    ("szczecin", "news", "STETTIN → BERLIN", "Studenci i wykładowcy Akademii Sztuki pokazują prace w Berlinie do 3 kwietnia 2026.", (2026, 2, 18), "24kurier.pl"),
    ("rostock", "news", "Potenzialanalyse Kultur- und Kreativwirtschaft MV", "Mehr als 130 Fachleute haben an der Potenzialanalyse des Landes mitgewirkt.", (2025, 11, 19), "kreatopia-mv.de"),
    ("szczecin", "news", "IX Kongres Design Plus: regeneracja", "Dziewiąty kongres regeneruje rzeczy, materiały i przestrzeń miasta.", (2025, 10, 15), "wszczecinie.pl"),
    ("rostock", "news", "Suche nach Standort eingestellt", "Die Verwaltung beendet die Suche und schlägt eine Fläche am Groten Pohl vor, Baustart frühestens in sechs Jahren.", (2024, 10, 24), "ndr.de"),
    ("karlshamn", "project", "T.A.B – Tech, Art & Business", "Projekt som för samman kreativa företag i Blekinge med teknik och näringsliv.", (2024, 4, 8), "netport.se"),
    ("elblag", "news", "Baltic Home w Oslo", "Wystawa otwiera się w Tenthaus; goście z Elbląga i Dzierzgonia spotykają partnerów z Norwegii.", (2024, 1, 12), "eurobalt.org.pl"),
    ("rostock", "project", "Warnow Valley Lab eröffnet", "Aus der alten Knabenschule wird ein Ort für Coworking und Begegnung.", (2023, 6, 1), "warnowvalley.de"),
    ("rietavas", "news", "Rietave šurmuliavo Mykolinės", "Miesto šventė mini 130 elektros ir 230 miesto teisių metų.", (2022, 9, 27), "zemaiciolaikrastis.lt"),
)  # fmt: skip


def news(words: Words) -> list[PostCard]:
    """The sample posts, newest first."""
    return [
        _news(words, slug, kind, title, text, day=datetime(*day, 9, tzinfo=UTC), source=source)
        for slug, kind, title, text, day, source in _ITEMS
    ]


def note(words: Words) -> PostCard:
    """A short post without a title, from a server outside the cluster, behind a content warning."""
    return PostCard(
        author=Author("Ægir Þór <script>", "@aegir@social.example", "/@aegir@social.example"),
        url="/@aegir@social.example/116000000000000001",
        published=when(words, datetime(2026, 2, 19, 18, 5, tzinfo=UTC), ZONE, clock=True),
        content=Markup('<p>Gratuluję! <a href="https://social.example/tags/design">#design</a></p>'),
        excerpt="Gratuluję! #design",
        lang="pl",
        language_note=language_note(words, "pl"),
        edited=when(words, datetime(2026, 2, 19, 18, 9, tzinfo=UTC), ZONE, clock=True),
        warning="Sztuka & polityka",
        in_reply_to=Link("Redakcja Szczecin", "/@redakcja/116000000000000000"),
        boosted_by=_editor("rostock"),
        origin_url="https://social.example/@aegir/116000000000000001",
        answer_url="/interact?uri=https%3A%2F%2Fsocial.example%2F1",
        foreign=True,
    )


def long_note(words: Words) -> PostCard:
    """A post without a title that is too long for a list."""
    return replace(
        note(words),
        content=Markup("<p>{}</p>").format("Labai ilgas įrašas apie kūrybą. " * 80),
        excerpt="Labai ilgas įrašas apie kūrybą. Labai ilgas įrašas apie kūrybą…",
        lang="lt",
        language_note=language_note(words, "lt"),
        author=_editor("rietavas"),
        region=REGIONS["rietavas"],
        warning=None,
        edited=None,
        in_reply_to=None,
        boosted_by=None,
        replies=22,
        foreign=False,
    )


def article(words: Words) -> PostCard:
    """A long post with a list and a quotation, edited once."""
    body = Markup(
        "<p>Die Verwaltung beendet die Suche und schlägt eine Fläche am Groten Pohl vor.</p>"
        "<p><strong>Was bisher geschah</strong></p><ul><li>Das alte Kraftwerk wird Vorzugsvariante.</li>"
        "<li>800 m² sind da.</li></ul><blockquote><p>Wohin mit den Kreativen?</p></blockquote>"
    )
    return replace(
        news(words)[3],
        content=body,
        edited=when(words, datetime(2024, 10, 25, 7, tzinfo=UTC), ZONE),
        replies=4,
        likes=1,
        boosts=1234,
    )


def _answer(words: Words, slug: str, text: str, **more: object) -> PostCard:
    card = _news(words, slug, "", "", text, day=datetime(2024, 10, 26, 11, tzinfo=UTC), source="ndr.de")
    return replace(card, title=None, source=None, **more)  # type: ignore[arg-type]


def thread(words: Words) -> ThreadView:
    """The article with answers, one of them deleted, one nested nine levels deep."""
    first = _answer(words, "szczecin", "Dla porównania: Centrum Przemysłów Kreatywnych otwiera pracownie.")
    second = _answer(
        words,
        "rostock",
        "Und hier: Seit Juni 2023 ist das Warnow Valley Lab offen, 400 m² für Coworking.",
        in_reply_to=Link("Redakcja Szczecin", first.url),
    )
    deep = [(10 + level, 9 + level if level else 4, note(words)) for level in range(9)]
    rows: list[tuple[int, int, PostCard | None]] = [
        (2, 1, first),
        (3, 2, second),
        (4, 1, _answer(words, "karlshamn", "NetPort växer: Parken växer med 700 arbetsplatser.")),
        (5, 1, None),
        *deep,
    ]
    return ThreadView(
        article(words), replies=posts.nest(1, rows), more_url="/@redaktion/1?after=5", demo_note=True
    )


def site(words: Words) -> Site:
    """The instance of Szczecin with four sisters, one of which has no look of its own."""
    return Site(
        base_url=f"https://{HOST}",
        cluster_name="South Baltic Creative Cluster",
        home=REGIONS["szczecin"],
        stylesheet=static_url("style.css"),
        icon=static_url("icon.svg"),
        regions=tuple(REGIONS.values()),
        feeds=(
            FeedLink(words.gettext("From all regions"), "/public/cluster.atom"),
            FeedLink(words.gettext("From %(region)s", region="Szczecin"), "/public/local.atom"),
        ),
        funding=south_baltic_funding(words),
        follow_uri=f"acct:szczecin@{HOST}",
        demo=True,
    )


def _cluster_home(words: Words, slugs: tuple[str, ...]) -> homes.ClusterHomeView:
    cards = news(words)
    newest = {card.region.slug: card for card in reversed(cards) if card.region}
    return homes.ClusterHomeView(
        stand=homes.cluster_home_stand(words),
        towns=[homes.Town(REGIONS[slug], newest.get(slug)) for slug in slugs],
        cards=cards,
        map_url=static_url("map.svg"),
        feed_url="/public/cluster.atom",
        older_url="/public/cluster?before=116000000000000000",
        follow=[
            homes.FollowOffer(
                REGIONS[slug], f"@{slug}@{slug}.example", f"/interact?uri=acct:{slug}@{slug}.example"
            )
            for slug in slugs
        ],
        partners=[
            homes.Partner("Stowarzyszenie Media Dizajn", "/@mediadizajn", "pl", REGIONS["szczecin"]),
            homes.Partner(
                "Hanse- und Universitätsstadt Rostock, Amt für Stadtentwicklung, Stadtplanung und Wirtschaft",
                "/@stadt@rostock.example",
                "de",
                REGIONS["rostock"],
            ),
        ],
    )


def _region_home(words: Words) -> homes.RegionHomeView:
    cards = news(words)
    return homes.RegionHomeView(
        region=REGIONS["rostock"],
        handle="@rostock@rostock.example",
        follow_url="/interact?uri=acct:rostock@rostock.example",
        stand="Kreative am Warnowufer, im alten Schulhaus und im Radio.",
        stand_lang="de",
        map_url=static_url("map.svg") + "#rostock",
        feed_url="/r/rostock.atom",
        origin_url="https://rostock.example/",
        lead=cards[1],
        news=(cards[3],),
        projects=(cards[6], cards[4]),
        organisations=(
            replace(_author("wv", "rostock", "Warnow Valley e.V.", "de"), demo=True),
            _author("mv", "rostock", "Landesverband Kreative MV e.V.", "de"),
        ),
        others=(cards[0], cards[4], cards[7]),
        editorial=_editor("rostock"),
        older_url="/public/cluster?region=rostock",
    )


def _profile(words: Words) -> ProfileView:
    return ProfileView(
        who=replace(_author("netport", "karlshamn", "NetPort Science Park", "sv"), demo=True),
        follow_url="/interact?uri=acct:netport@karlshamn.example",
        kind_label=actor_label(words, "Organization"),
        region=REGIONS["karlshamn"],
        bio=Markup("<p>Science park för digitala medier, energi och intelligenta transporter.</p>"),
        lang="sv",
        fields=(
            ProfileField("Webbplats", Markup('<a href="https://netport.se/">netport.se</a>'), verified=True),
            ProfileField("Ort", Markup("Karlshamn")),
        ),
        posts=2,
        followers=1234,
        joined=when(words, datetime(2026, 1, 5, 8, tzinfo=UTC), ZONE),
        origin_url="https://karlshamn.example/@netport",
        feed_url="/@netport@karlshamn.example.atom",
        cards=(news(words)[4], note(words)),
        pages=PageLinks(older="/@netport@karlshamn.example?before=1"),
    )


def _frame(
    words: Words, path: str, title: str, *, region: str | None = None, prefix: str | None = None
) -> PageFrame:
    return PageFrame(
        site=site(words),
        title=title,
        description=title,
        language=words.tag,
        path=path,
        region=region,
        prefix=prefix,
    )


def _first_pages(words: Words) -> Iterator[Sample]:
    name = "South Baltic Creative Cluster"
    four = ("szczecin", "rostock", "rietavas", "karlshamn")
    home = replace(_frame(words, "/", name, prefix=words.tag), cluster_wide=True)
    yield Sample(
        "cluster-home", "homes/cluster.html", _cluster_home(words, (*four, "elblag", "gdansk")), home
    )
    yield Sample("cluster-home-four", "homes/cluster.html", _cluster_home(words, four), home)
    bare = homes.ClusterHomeView(homes.cluster_home_stand(words), [homes.Town(REGIONS["gdansk"])])
    yield Sample("cluster-home-empty", "homes/cluster.html", bare, home)
    rostock = _frame(words, "/r/rostock", "Rostock", region="rostock", prefix=words.tag)
    yield Sample("region-home", "homes/region.html", _region_home(words), rostock)
    fresh = homes.RegionHomeView(
        REGIONS["elblag"], "@elblag@elblag.example", "/interact?uri=acct:elblag@elblag.example"
    )
    elblag = _frame(words, "/r/elblag", "Elbląg", region="elblag")
    yield Sample("region-home-empty", "homes/region.html", fresh, elblag)


def _lists(words: Words) -> Iterator[Sample]:
    for here in ("cluster", "local"):
        title, stand = homes.timeline_title(words, REGIONS["szczecin"], here)
        cards = [note(words), long_note(words), *(card for card in news(words))] * 2
        view = homes.TimelineView(
            title,
            stand,
            homes.timeline_tabs(words, REGIONS["szczecin"], here),
            cards if here == "cluster" else (),
            PageLinks("/public/cluster?after=9", "/public/cluster?before=3"),
            f"/public/{here}.atom",
            Link(words.gettext("All regions"), "/public/cluster"),
        )
        wide = here == "cluster"
        frame = _frame(words, f"/public/{here}", title, region=None if wide else "szczecin")
        frame = replace(frame, cluster_wide=wide)
        yield Sample(f"timeline-{here}", "timelines/public.html", view, frame)


def _single_pages(words: Words) -> Iterator[Sample]:
    profile = _frame(words, "/@netport@karlshamn.example", "NetPort Science Park", region="karlshamn")
    yield Sample("profile", "profiles/profile.html", _profile(words), profile)
    stranger = ProfileView(note(words).author, "/interact?uri=acct:aegir@social.example")
    plain = _frame(words, "/@aegir@social.example", "Ægir Þór")
    yield Sample("profile-empty", "profiles/profile.html", stranger, plain)
    post = replace(
        _frame(words, "/@redaktion@rostock.example/1", "Suche nach Standort eingestellt", region="rostock"),
        og_type="article",
        activity_url="https://rostock.example/objects/1",
        image="https://rostock.example/media/1.jpg",
        creator="@redaktion@rostock.example",
    )
    yield Sample("post", "posts/thread.html", thread(words), post)
    alone = ThreadView(note(words), ancestors=(article(words), long_note(words)))
    yield Sample(
        "post-note", "posts/thread.html", alone, _frame(words, "/@aegir@social.example/1", "Ægir Þór")
    )
    for status in (404, 410, 429, 500, 418, 599):
        view = error_view(words, status, detail="No post with this id." if status == 404 else None)
        error = replace(
            _frame(words, "/nothing", view.title),
            site=replace(site(words), regions=(), feeds=(), follow_uri=None),
            indexed=False,
        )
        yield Sample(f"error-{status}", "errors/error.html", view, error)
    ask = InteractView(
        uri="acct:rostock@rostock.example",
        target=Link("Rostock", "/r/rostock"),
        target_lang="de",
        handle="@rostock@rostock.example",
        server="nothing",
        error=no_server_found(words, "unreadable"),
    )
    where = replace(_frame(words, "/interact", words.gettext("Follow from your server")), indexed=False)
    yield Sample("interact", "interact/interact.html", ask, where)
    yield Sample("interact-bare", "interact/interact.html", InteractView(), where)
    onward = Link("mastodon.example", "https://mastodon.example/authorize_interaction?uri=acct%3Aa")
    done = replace(ask, error=None, onward=onward, server="mastodon.example", answer=True)
    yield Sample("interact-onward", "interact/interact.html", done, where)


def samples(tag: str) -> list[Sample]:
    """All sample pages in a page language."""
    words = words_for(tag)
    return [*_first_pages(words), *_lists(words), *_single_pages(words)]


def write(folder: Path) -> None:
    """Every page as `TAG-NAME.html` with its static files beside it, to be opened without a server."""
    for file in static_files().values():
        target = folder / file.path.removeprefix("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.body.replace(b"url(/static/", b"url("))
    for tag in PAGE_LANGUAGES:
        for sample in samples(tag):
            html = render(sample.template, sample.view, sample.page).replace('="/static/', '="static/')
            (folder / f"{tag}-{sample.name}.html").write_text(html, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
