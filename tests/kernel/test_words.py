"""The small words: clock, languages, pages of lists, addresses, errors."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedi_cluster.kernel import errors
from fedi_cluster.kernel.addresses import Addresses, host_of
from fedi_cluster.kernel.clock import SystemClock, to_wire, whole_second
from fedi_cluster.kernel.errors import ClusterError, Invalid, Refused, TooMany, Unreachable
from fedi_cluster.kernel.languages import OWN_NAMES, PAGE_LANGUAGES, choose, normal_tag, own_name
from fedi_cluster.kernel.paging import PageRequest, page_of

AT = Addresses("https://szczecin.example", "szczecin.example")


def test_moments_on_the_wire_are_whole_seconds_in_utc() -> None:
    moment = datetime(2026, 11, 25, 11, 0, 5, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert to_wire(moment) == "2026-11-25T09:00:05Z"
    assert whole_second(moment) == moment - timedelta(microseconds=999_999)
    assert SystemClock().now().tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("de", "de"),
        ("DE", "de"),
        ("pt-br", "pt-BR"),
        ("szl", "szl"),
        ("de-1996", "de-1996"),
        ("x", None),
        ("", None),
        ("de_DE", None),
        ("de-", None),
        ("de\n", None),
        ("deutsch", None),
        ("de-" + "a-" * 20, None),
    ],
)
def test_tags_of_languages(text: str, tag: str | None) -> None:
    assert normal_tag(text) == tag


def test_every_language_of_the_pages_has_its_own_name() -> None:
    assert set(PAGE_LANGUAGES) <= set(OWN_NAMES)
    assert own_name("pl-PL") == "Polski"
    assert own_name("tlh") == "tlh"


def test_a_reader_gets_the_text_that_she_reads_best() -> None:
    texts = {"pl": "Cześć", "de-AT": "Servus"}
    assert choose(texts, ["sv", "de", "pl"]) == ("de-AT", "Servus")
    assert choose(texts, ["pl-PL"]) == ("pl", "Cześć")
    assert choose(texts, ["sv"]) == choose(texts, []) == ("pl", "Cześć")
    assert choose({}, ["pl"]) is None


@given(st.sets(st.integers(1, 500), max_size=40), st.integers(1, 7))
def test_paging_meets_everything_once_in_both_directions(ids: set[int], limit: int) -> None:
    def window(ask: PageRequest) -> list[int]:
        """What a query gives: one row more than asked."""
        if ask.after is not None:
            return sorted(one for one in ids if one > ask.after)[: limit + 1]
        return sorted((one for one in ids if ask.before is None or one < ask.before), reverse=True)[
            : limit + 1
        ]

    down: list[int] = []
    ask, last = PageRequest(limit), None
    while True:
        page = page_of(window(ask), ask, int)
        assert (page.newer is None) == (not down)
        down += page.items
        if page.older is None:
            break
        last = page.older
        ask = PageRequest(limit, before=page.older)
    assert down == sorted(ids, reverse=True)
    if last is None or not page.items:
        return
    up = list(page.items)
    while page.newer is not None:
        ask = PageRequest(limit, after=page.newer)
        page = page_of(window(ask), ask, int)
        up = [*page.items, *up]
    assert up == down


def test_ours_is_what_lies_under_the_base() -> None:
    assert AT.is_ours(AT.base)
    assert AT.is_ours(AT.object(1))
    assert AT.is_ours(AT.region)
    strangers = ["https://szczecin.example.evil/x", "http://szczecin.example/x", "https://szczecin.examplex"]
    assert not any(AT.is_ours(uri) for uri in strangers)
    local = Addresses("http://localhost:8001", "localhost:8001")
    assert local.host == "localhost:8001"
    assert not local.is_ours("http://localhost:80011/x")


def test_addresses_never_change() -> None:
    """Others keep them: a changed one cuts every tie."""
    given_out = [
        AT.instance_actor, AT.region, AT.shared_inbox, AT.members, AT.profile("ola"), AT.region_page("s"),
        AT.object(7), AT.post_page("ola", 7), AT.activity(7), AT.tag("wind"), AT.actor("ola"),
    ]  # fmt: skip
    assert [uri.removeprefix(AT.base) for uri in given_out] == [
        "/actor", "/actors/region", "/inbox", "/cluster/members", "/@ola", "/r/s",
        "/objects/7", "/@ola/7", "/activities/7", "/tags/wind", "/actors/ola",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        ("https://Rostock.example/x", "rostock.example"),
        ("http://localhost:8001/x", "localhost:8001"),
        ("https://a@b@rostock.example/", "rostock.example"),
        ("acct:ola@rostock.example", ""),
        ("", ""),
        ("https://[::1", ""),
        ("https://[::1]:8/x", "[::1]:8"),
    ],
)
def test_the_host_of_an_id(uri: str, host: str) -> None:
    assert host_of(uri) == host


def test_every_error_has_a_status_of_its_own_and_says_whether_again_helps() -> None:
    family = [
        one for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, ClusterError) and one not in (ClusterError, Refused)
    ]  # fmt: skip
    assert len({one.status for one in family}) == len(family) == 12
    assert {one.__name__ for one in family if one.again} == {"TooMany", "Unavailable"}
    assert not Unreachable("gone", permanent=True).again
    assert Unreachable("busy").again
    assert TooMany("slowly", retry_after=7).retry_after == 7
    assert Invalid("no", fields={"text": "empty"}).fields == {"text": "empty"}
    assert Invalid("no").fields == {}


def test_the_log_says_more_than_the_visitor_reads() -> None:
    error = errors.NotFound("There is none.", detail="actor 7")
    assert (error.public, error.detail, str(error)) == (
        "There is none.",
        "actor 7",
        "There is none. (actor 7)",
    )
    assert errors.NotFound("There is none.").detail == "There is none."
