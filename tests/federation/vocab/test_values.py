"""Single values in all spellings that other servers use (federation.md 2.9, 2.11)."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from fedi_cluster.federation.vocab import uris, values
from fedi_cluster.federation.vocab.parse import PUBLIC, activity, actor, obj, reference, references
from fedi_cluster.federation.vocab.types import (
    ActorDocument,
    Create,
    Follow,
    Inner,
    ObjectDocument,
    Undo,
    Unknown,
    Unreadable,
)
from fedi_cluster.federation.vocab.values import (
    local_moment,
    moment,
    page_address,
    plain,
    terms,
    text,
    types,
    whole,
)
from fedi_cluster.kernel.json import Json

NOTE = "https://a.example/notes/1"
AUTHOR = "https://a.example/users/jo"


def note(**members: object) -> ObjectDocument:
    found = obj({"id": NOTE, "type": "Note", "attributedTo": AUTHOR, **members})
    assert isinstance(found, ObjectDocument)
    return found


@pytest.mark.parametrize(
    "value",
    [
        AUTHOR,
        {"id": AUTHOR, "type": "Person"},
        {"@id": AUTHOR},
        [AUTHOR, "https://b.example/"],
        [{"id": AUTHOR}],
        {"type": "Link", "href": AUTHOR, "id": "https://other.example/"},
        {"@list": [AUTHOR]},
        ["nonsense", None, AUTHOR],
    ],
)
def test_a_reference_in_every_shape(value: object) -> None:
    assert reference(value) == AUTHOR


@pytest.mark.parametrize("value", [None, 5, "x", {}, [], {"id": 5}, {"id": AUTHOR, "@id": NOTE}, [[AUTHOR]]])
def test_no_reference(value: object) -> None:
    assert reference(value) is None


def test_references_are_unique_bounded_and_know_everybody() -> None:
    assert references(["as:Public", AUTHOR, {"id": AUTHOR}, "Public"]) == (PUBLIC, AUTHOR)
    assert len(references([f"https://a.example/{number}" for number in range(3_000)])) == 1_000


def test_terms_lose_prefixes_nulls_and_machinery() -> None:
    assert terms(
        {
            "@context": "x",
            "@graph": [],
            "@included": [],
            "@reverse": {},
            "@id": NOTE,
            "as:name": "a",
            "name": None,
            "toot:featured": "f",
            "http://joinmastodon.org/ns#indexable": True,
            "https://w3id.org/fedi-cluster/ns#kind": "News",
            "content": "bare",
            "as:content": "prefixed",
        }
    ) == {
        "id": NOTE,
        "name": "a",
        "featured": "f",
        "indexable": True,
        "creative:kind": "News",
        "content": "bare",
    }


def test_two_ids_that_disagree_are_none() -> None:
    assert isinstance(obj({"id": NOTE, "@id": AUTHOR, "type": "Note"}), Unreadable)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-10-02T08:15:30Z", datetime(2026, 10, 2, 8, 15, 30, tzinfo=UTC)),
        ("2026-10-02T10:15:30+02:00", datetime(2026, 10, 2, 8, 15, 30, tzinfo=UTC)),
        ("2026-10-02T08:15:30.123456789Z", datetime(2026, 10, 2, 8, 15, 30, 123456, tzinfo=UTC)),
        ("2026-10-02T08:15:30", datetime(2026, 10, 2, 8, 15, 30, tzinfo=UTC)),
        ("2026-10-02", datetime(2026, 10, 2, tzinfo=UTC)),
        (
            {"@type": "xsd:dateTime", "@value": "2026-10-02T08:15:30Z"},
            datetime(2026, 10, 2, 8, 15, 30, tzinfo=UTC),
        ),
        ("0001-01-01T00:00:00+23:00", None),
        ("9999-12-31T23:59:59-23:00", None),
        ("2026-13-01T00:00:00Z", None),
        ("2026-10-02T08:15:60Z", None),
        ("Fri, 02 Oct 2026 08:15:30 GMT", None),
        ("２０２６-10-02", None),
        (1_790_000_000, None),
        ("", None),
    ],
)
def test_times(value: object, expected: datetime | None) -> None:
    assert moment(value) == expected


def test_a_local_time_keeps_its_offset() -> None:
    found = local_moment("2026-12-12T10:00:00+01:00")
    assert found is not None
    assert found.tzinfo == timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((good, int(good)) for good in (5, 5.0, 0)),
        *((bad, None) for bad in (-1, 2**60, 5.5, True, "5", float("nan"), float("inf"), 10**400)),
    ],
)
def test_whole_numbers(value: object, expected: int | None) -> None:
    assert whole(value) == expected


def test_texts_lose_controls_and_direction_marks() -> None:
    assert text("a\x00b\nc") == "ab\nc"
    assert text({"@value": "Hej", "@language": "sv"}) == "Hej"
    assert text([{"x": 1}, "second"]) == "second"
    assert plain("  Jo\u202egnp.exe \n x ") == "Jognp.exe x"
    assert plain("\u202e") is None


def test_the_page_for_people_among_links() -> None:
    links = [
        {"type": "Link", "mediaType": "video/mp4", "href": "https://a.example/v.mp4"},
        {"type": "Link", "mediaType": "text/html", "href": "https://a.example/v"},
    ]
    assert page_address(links) == "https://a.example/v"
    assert page_address({"type": "Link", "mimeType": "text/html", "href": NOTE}) == NOTE
    assert page_address(["javascript:alert(1)", NOTE]) == NOTE
    assert page_address("javascript:alert(1)") is None


@pytest.mark.parametrize(
    ("members", "language", "content", "order"),
    [
        # as sent by ours and Mastodon: first key, equal to content
        ({"content": "cześć", "contentMap": {"pl": "cześć", "en": "hi"}}, "pl", "cześć", ["pl", "en"]),
        # a proxy sorted the keys: the equal text tells
        ({"content": "cześć", "contentMap": {"de": "hallo", "pl": "cześć"}}, "pl", "cześć", ["pl", "de"]),
        # no content: the first text
        ({"contentMap": {"lt": "labas", "sv": "hej"}}, "lt", "labas", ["lt", "sv"]),
        ({"contentMap": {"lt": "labas", "sv": "hej"}, "inLanguage": "sv"}, "sv", "hej", ["sv", "lt"]),
        ({"content": "hi", "language": {"identifier": "en", "name": "English"}}, "en", "hi", []),
        ({"content": "hi", "language": [{"identifier": "und"}, {"identifier": "EN"}]}, "en", "hi", []),
        ({"content": "moin", "nameMap": {"de": "Gruß"}}, "de", "moin", []),
        ({"content": "moin", "summaryMap": {"de": "Gruß"}}, "de", "moin", []),
        ({"content": "hi", "contentMap": {"und": "hi"}}, None, "hi", ["und"]),
        ({"content": {"@value": "hej", "@language": "sv"}}, "sv", "hej", ["sv"]),
        ({"content": "hi", "contentMap": {"not a tag": "hi", "en": 5}}, None, "hi", []),
        ({}, None, None, []),
    ],
)
def test_the_language_of_a_post(
    members: Json, language: str | None, content: str | None, order: list[str]
) -> None:
    found = note(**members)
    assert (found.language, found.content_html, list(found.content_map)) == (language, content, order)


@pytest.mark.parametrize(
    ("attributed", "author", "count"),
    [
        (AUTHOR, AUTHOR, 1),
        ([AUTHOR], AUTHOR, 1),
        ({"type": "Person", "id": "https://b.example/x"}, "https://b.example/x", 1),
        ([AUTHOR, "https://b.example/x"], None, 2),
        ([{"type": "Group", "id": NOTE}, {"type": "Person", "id": AUTHOR}], AUTHOR, 2),
        ([{"type": "Person", "id": NOTE}, {"type": "Person", "id": AUTHOR}], None, 2),
        (None, None, 0),
    ],
)
def test_one_author_or_none(attributed: object, author: str | None, count: int) -> None:
    found = note(attributedTo=attributed)
    assert (found.attributed_to, len(found.authors)) == (author, count)


def test_an_actor_member_fills_a_missing_author() -> None:
    assert note(attributedTo=None, actor=AUTHOR).attributed_to == AUTHOR


@pytest.mark.parametrize("kind", [["Person", "Note"], [], None, 5, "Person", "Create", "OrderedCollection"])
def test_what_is_no_post(kind: object) -> None:
    assert isinstance(obj({"id": NOTE, "type": kind}), Unreadable)


@pytest.mark.parametrize(
    "kind", ["as:Note", ["Note", "x:Thing"], "https://www.w3.org/ns/activitystreams#Note"]
)
def test_spellings_of_a_type(kind: object) -> None:
    assert note(type=kind).type == "Note"


def test_numbers_of_what_hangs_on_a_post_are_bounded() -> None:
    mention = [{"type": "Mention", "href": f"https://a.example/u/{n}"} for n in range(200)]
    hashtag = [{"type": "Hashtag", "name": f"#t{n}"} for n in range(200)]
    emoji = [
        {"type": "toot:Emoji", "name": f":e{n}:", "icon": {"url": "https://a.example/e.png"}}
        for n in range(99)
    ]
    files = [{"type": "Document", "url": f"https://a.example/{n}.png"} for n in range(99)]
    links = [{"type": "Link", "href": f"https://a.example/{n}"} for n in range(99)]
    found = note(
        tag=[*mention, *hashtag, *emoji, {"type": "Hashtag", "name": "#" + "x" * 101}],
        attachment=files + links,
    )
    counts = tuple(
        map(len, (found.mentions, found.hashtags, found.emojis, found.attachments, found.links)),
    )
    assert counts == (50, 100, 50, 16, 10)


def test_a_profile_is_bounded() -> None:
    found = actor(
        {
            "id": AUTHOR,
            "type": "Person",
            "preferredUsername": "jo",
            "inbox": AUTHOR + "/inbox",
            "name": "n" * 5_000,
            "summary": "s" * 50_000,
            "attachment": [{"type": "PropertyValue", "name": "a", "value": "v" * 9_000}] * 99,
            "alsoKnownAs": [f"https://a.example/{n}" for n in range(999)],
            "publicKey": [
                {"id": f"{AUTHOR}#k{n}", "owner": AUTHOR, "publicKeyPem": "-----BEGIN PUBLIC KEY-----\n"}
                for n in range(999)
            ],
        }
    )
    assert isinstance(found, ActorDocument)
    assert len(found.name or "") == 2_048
    assert len(found.summary_html or "") == 20_000
    assert (len(found.fields), len(found.fields[0][1])) == (50, 2_047)
    assert (len(found.also_known_as), len(found.keys)) == (256, 10)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "https://evil@a.example/users/jo"},
        {"inbox": None},
        {"inbox": "as:Public"},
        {"inbox": "ftp://a.example/"},
        {"type": ["Person", "Note"]},
        {"type": "Note"},
        {"preferredUsername": None},
        {"preferredUsername": "jo@evil.example"},
        {"preferredUsername": "jo/../admin"},
        {"preferredUsername": "jo\n"},
        {"preferredUsername": "x" * 200},
    ],
)
def test_an_unusable_actor(change: Json) -> None:
    document: Json = {"id": AUTHOR, "type": "Person", "preferredUsername": "jo", "inbox": AUTHOR + "/inbox"}
    assert isinstance(actor(document), ActorDocument)
    assert isinstance(actor({**document, **change}), Unreadable)


def test_keys_of_others_are_not_an_actors_keys() -> None:
    pem = "-----BEGIN PUBLIC KEY-----\n"
    foreign = [
        {"id": "https://evil.example/k", "owner": AUTHOR, "publicKeyPem": pem},
        {"id": AUTHOR + "#k", "owner": "https://a.example/users/other", "publicKeyPem": pem},
        {"id": AUTHOR + "#k", "owner": AUTHOR, "publicKeyPem": "x" * 5_000 + pem},
        "https://a.example/users/jo#reference",
    ]
    found = actor(
        {
            "id": AUTHOR,
            "type": "Person",
            "preferredUsername": "jo",
            "inbox": AUTHOR + "/inbox",
            "publicKey": foreign,
        }
    )
    assert isinstance(found, ActorDocument)
    assert found.keys == ()


def test_activities_without_what_they_need() -> None:
    whole_one: Json = {"id": AUTHOR + "/f/1", "type": "Follow", "actor": AUTHOR, "object": NOTE}
    assert activity(whole_one) == Follow(AUTHOR + "/f/1", AUTHOR, NOTE)
    for term in whole_one:
        assert isinstance(activity({**whole_one, term: None}), Unreadable)
    assert activity({**whole_one, "type": "Arrive"}) == Unknown(AUTHOR + "/f/1", AUTHOR, "Arrive")
    assert activity({"type": "Dance"}) == Unknown(None, None, "Dance")


def test_an_undo_may_embed_an_activity_without_id() -> None:
    found = activity(
        {
            "id": AUTHOR + "/u/1",
            "type": "Undo",
            "actor": AUTHOR,
            "object": {"type": "Follow", "actor": AUTHOR, "object": NOTE},
        }
    )
    assert found == Undo(AUTHOR + "/u/1", AUTHOR, None, Inner(None, "Follow", AUTHOR, NOTE))


def test_a_create_by_reference_has_no_object() -> None:
    for value in (NOTE, {"id": NOTE}, [NOTE]):
        found = activity({"id": AUTHOR + "/c/1", "type": "Create", "actor": AUTHOR, "object": value})
        assert isinstance(found, Create)
        assert (found.object_id, found.object, found.raw_object) == (NOTE, None, None)


def test_own_terms_that_no_database_keeps_are_left_out() -> None:
    found = note(**{"creative:kind": "News", "creative:bad": ["a\x00"], "creative:half": "\ud800"})
    assert found.extension == {"creative:kind": "News"}


def test_what_strangers_write_at_length_is_read_and_not_kept() -> None:
    long = ["Like", *(f"toot:{number}{'x' * 100_000}" for number in range(5))]
    addresses = [f"https://a.example/{number}/{'y' * 1_000}" for number in range(5)]
    kept = [one.cache_info().currsize for one in (values._usual_short, uris._usual_origin)]
    assert types({"type": long})[1] == "0" + "x" * 199
    assert references(addresses) == tuple(addresses)
    assert references([*addresses, "https://a.example/" + "z" * 100_000]) == tuple(addresses)
    now = [one.cache_info().currsize for one in (values._usual_short, uris._usual_origin)]
    assert now[0] - kept[0] <= 1
    assert now[1] == kept[1]
