"""Texts of strangers that want to run, to hide, to flood or to turn round: stored clean, shown harmless."""

from datetime import timedelta

import pytest
from lxml import html

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.kernel.clock import to_wire
from fedi_cluster.kernel.json import Json
from tests.towns.looking import verdicts
from tests.towns.stranger import Guest, Stranger, stranger
from tests.towns.town import Town, Towns

pytestmark = pytest.mark.anyio

SCRIPTS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg/onload=alert(1)>",
    "<math><annotation-xml encoding='text/html'><img src=x onerror=alert(1)></annotation-xml></math>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<a href='javascript:alert(1)'>a</a>",
    "<a href='java\tscript:alert(1)'>a</a>",
    "<a href='&#106;avascript:alert(1)'>a</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>a</a>",
    "<a href='vbscript:x'>a</a>",
    "<a href='https://x.example/' onclick='alert(1)' style='position:fixed' target='_top'>a</a>",
    "<p class='mention evil-class' id='main' style='background:url(//x.example)'>a</p>",
    "<form action='//x.example'><input name=password><button>Sign in</button></form>",
    "<style>body{display:none}</style><link rel=stylesheet href=//x.example><base href=//x.example>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<template><script>alert(1)</script></template>",
)
HOSTILE = "".join(SCRIPTS)


async def answered(there: Stranger, town: Town, mia: Guest, **more: object) -> tuple[Post, str]:
    """A stranger's answer to a post of ours, as stored, and the page of the thread."""
    parent = await town.post("ola", "Co o tym sądzicie?")
    note = there.note(mia, "…", inReplyTo=parent.uri) | more
    said = there.create(mia, note)
    await there.say(town, mia, said)
    assert await verdicts(town, said["id"]) == [("done", None)]
    found = await town.find(str(note["id"]))
    assert found is not None
    page = await town.page(parent.url.removeprefix(town.house.at.base))
    assert page.status_code == 200
    return found, page.text


def check_harmless(page: str) -> None:
    """Nothing on the page runs, loads from or posts to a stranger, or is dressed by it."""
    root = html.fromstring(page)
    for element in root.iter():
        if not isinstance(element.tag, str):
            continue
        assert element.tag not in {"iframe", "object", "embed", "base", "math", "template"}
        for name, value in element.attrib.items():
            assert not str(name).startswith("on"), (element.tag, name)
            assert name != "class" or "evil-class" not in str(value)
            if name in {"href", "src", "action"}:
                bare = "".join(str(value).split()).lower()
                assert bare.startswith(("https://", "http://", "/", "#", "?", "mailto:")), value
                if name in {"src", "action"}:
                    assert not bare.startswith("//")
                    assert "x.example" not in bare
    assert not any("alert(1)" in str(script.text) for script in root.iter("script"))


async def test_markup_of_strangers_never_runs(sea: Towns, szczecin: Town) -> None:
    there = stranger(sea, "xss.example")
    mia = there.person(
        "mia",
        **{
            "name": f"Mia {HOSTILE}",
            "summary": HOSTILE,
            "url": "javascript:alert(1)",
            "icon": {"type": "Image", "url": "javascript:alert(1)"},
            "image": {"type": "Image", "url": "data:text/html,x"},
            "attachment": [
                {"type": "PropertyValue", "name": one, "value": one} for one in (*SCRIPTS, "javascript:x")
            ],
        },  # type: ignore[arg-type]
    )
    found, page = await answered(
        there,
        szczecin,
        mia,
        name=HOSTILE,
        summary=HOSTILE,
        content=HOSTILE,
        contentMap={"de": HOSTILE},
        url="javascript:alert(1)",
        attachment=[
            {"type": "Document", "mediaType": "image/png", "url": "javascript:alert(1)", "name": HOSTILE},
            {"type": "Document", "mediaType": "image/png", "url": "https://x.example/a", "name": HOSTILE},
        ],
        tag=[
            {"type": "Mention", "href": "javascript:alert(1)", "name": "@victim@good.example"},
            {"type": "Mention", "href": "https://evil.example/u", "name": HOSTILE},
            {"type": "Hashtag", "href": "javascript:alert(1)", "name": "#<script>alert(1)</script>"},
            {"type": "Emoji", "name": ':"><img src=x onerror=alert(1)>:', "icon": {"url": "data:x"}},
        ],
    )
    assert found.url == found.uri
    assert found.author.url == mia.uri
    assert found.author.icon is None
    assert found.author.image is None
    assert all(tag.href.startswith("https://") or not tag.href for tag in found.tags)
    assert all(one.url.startswith("https://") for one in found.attachments)
    check_harmless(page)
    profile = await szczecin.page("/@mia@xss.example")
    if profile.status_code == 200:
        check_harmless(profile.text)


async def test_marks_that_turn_or_hide_are_taken_from_names(sea: Towns, szczecin: Town) -> None:
    there = stranger(sea, "rtl.example")
    turned = "Mia \u202egnp.exe&#x202e;&#8295;\u2066\u0000&#0;\x07\x1b[31m ok"
    mia = there.person("mia", **{"name": turned})  # type: ignore[arg-type]
    found, _page = await answered(
        there,
        szczecin,
        mia,
        name=turned,
        summary=turned,
        content="a\u0000b<p>\u0007c</p>",
        nameMap={"de": turned},
    )
    shown = (found.author.name, found.title or "", found.summary or "", *found.title_map.values())
    for text in shown:
        assert not set(text) & set("\u202e\u2066\u2067\u0000\x07\x1b"), ascii(text)
        assert text.endswith("ok")
    assert "\u0000" not in found.content


async def test_what_is_too_long_is_cut_or_refused(sea: Towns, szczecin: Town) -> None:
    there = stranger(sea, "long.example")
    many: list[Json] = [{"type": "PropertyValue", "name": "n" * 4_000, "value": "v" * 4_000}] * 60
    mia = there.person("mia", **{"name": "N" * 90_000, "summary": "<p>s</p>" * 9_000, "attachment": many})  # type: ignore[arg-type]
    found, _page = await answered(
        there,
        szczecin,
        mia,
        name="t" * 90_000,
        content="<p>" + "\u0301" * 90_000 + "</p>",
        tag=[{"type": "Hashtag", "name": f"#{number}" + "h" * 500} for number in range(900)]
        + [{"type": "Mention", "href": f"https://x.example/{number}"} for number in range(900)],
        attachment=[{"type": "Document", "url": f"https://x.example/{number}"} for number in range(300)],
    )
    author = found.author
    assert len(author.name) <= 2_048
    assert len(author.fields) <= 50
    assert len(found.title or "") <= 2_048
    assert len(found.tags) <= 150
    assert len(found.attachments) <= 16
    for uri in ("https://long.example/" + "x" * 3_000, "x" * 100):
        answer = await there.post(szczecin, mia, there.create(mia, there.note(mia, "lang")) | {"id": uri})
        assert answer.status_code == 400


async def test_a_handle_is_a_name(sea: Towns, szczecin: Town) -> None:
    there = stranger(sea, "names.example")
    for number, name in enumerate(("", " ", "a b", "<script>", "a/b", "a@b", "x" * 500, "\u202ea", "..")):
        guest = there.person(f"n{number}", keys_of="mia", preferredUsername=name)
        answer = await there.post(szczecin, guest, there.activity(guest, "Follow", szczecin.house.at.region))
        assert answer.status_code == 401, name
        assert await szczecin.house.db.read(actor_queries.by_uri, guest.uri) is None


async def test_dates_of_no_calendar(sea: Towns, szczecin: Town) -> None:
    there = stranger(sea, "dates.example")
    mia, now = there.person("mia"), sea.clock.now()
    for published in (
        "9999-12-31T23:59:59Z",
        "2199-01-01T00:00:00Z",
        to_wire(now + timedelta(days=3)),
        "soon",
        7,
    ):
        found, _page = await answered(there, szczecin, mia, published=published)
        assert found.published_at <= now
    ancient, _page = await answered(there, szczecin, mia, published="0001-01-01T00:00:00Z")
    assert ancient.published_at <= now
    edited, _page = await answered(there, szczecin, mia, updated="2199-01-01T00:00:00Z")
    assert edited.updated_at is None or edited.updated_at <= now
    # An edit of the far future does not shut out the true one that follows.
    note = there.note(mia, "Erst", inReplyTo=edited.uri)
    await there.say(szczecin, mia, there.create(mia, note))
    for text, updated in (("Zukunft", "2199-01-01T00:00:00Z"), ("Jetzt", None)):
        sea.clock.forward(minutes=1)
        changed = note | {"content": text, "updated": updated or to_wire(sea.clock.now())}
        await there.say(szczecin, mia, there.activity(mia, "Update", changed))
    last = await szczecin.find(str(note["id"]))
    assert last is not None
    assert last.content == "Jetzt"
