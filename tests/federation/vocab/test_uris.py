"""Ids and origins: which addresses are refused at once, and which spellings mean one host."""

import pytest

from fedi_cluster.federation.vocab.parse import PUBLIC, identifier, is_public, origin, same_origin
from fedi_cluster.federation.vocab.uris import opaque_identifier


@pytest.mark.parametrize(
    "uri",
    [
        "https://masto.example/users/jula",
        "http://szczecin.localhost:8101/actors/region",
        "https://żegluga.example/ö?x=ü#a",
        "https://[::1]:8443/actor",
        "HTTPS://Masto.Example/Users/Jula",
        "https://blog.example/?author=1",
        "https://a.example/" + "x" * 1_982,
    ],
)
def test_an_http_address_is_kept_byte_for_byte(uri: str) -> None:
    assert identifier(uri) == uri


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "masto.example/users/jula",
        "https:/one-slash.example/x",
        "https:///nothing",
        "https://victim.example@evil.example/",
        "https://a:b@evil.example/",
        "https://evil.example\\@victim.example/",
        "https://victim.example\t.evil.example/",
        "https://victim.example/\n",
        " https://victim.example/",
        "https://victim。example/",
        "https://\uff56ictim.example/",
        "https://①.example/",
        "https://vic\u200btim.example/",
        "https://vic%74im.example/",
        "https://victim.example:99999/",
        "https://victim.example:0/",
        "https://victim.example:x/",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://a..example/",
        "https://" + "é" * 5_00 + ".example/",
        "https://a.example/" + "x" * 1_983,
        "https://a.example/\ud800",
        'https://a.example/"onclick=',
        "javascript:alert(1)",
        "acct:jula@masto.example",
        "did:web:masto.example",
        "ap://did:key:z6Mk/actor",
        "as:Public",
    ],
)
def test_other_texts_are_no_ids(uri: str) -> None:
    assert identifier(uri) is None


@pytest.mark.parametrize("value", [None, 7, 1.5, True, [], {}, ["https://a.example/"]])
def test_other_values_are_no_ids(value: object) -> None:
    assert identifier(value) is None


@pytest.mark.parametrize(
    "other",
    [
        "https://EXAMPLE.com/y",
        "https://example.com./y",
        "https://example.com:443/y",
        "https://example.com",
    ],
)
def test_spellings_of_one_origin(other: str) -> None:
    assert same_origin("https://example.com/x", other)


def test_unicode_and_ascii_form_of_a_host_are_one_origin() -> None:
    assert origin("https://Bücher.example/") == ("https", "xn--bcher-kva.example", 443)
    assert same_origin("https://BÜCHER.example/", "https://xn--bcher-kva.example/")


@pytest.mark.parametrize(
    "other",
    [
        "http://example.com/x",
        "https://example.com:8443/x",
        "https://www.example.com/x",
        "https://exаmple.com/x",  # a Cyrillic letter
        "https://example.com@evil.example/x",
        "nonsense",
    ],
)
def test_other_origins(other: str) -> None:
    assert not same_origin("https://example.com/x", other)


def test_what_is_no_id_has_no_origin_in_common_with_itself() -> None:
    assert not same_origin("nonsense", "nonsense")


def test_everybody_has_three_spellings() -> None:
    assert all(is_public(uri) for uri in (PUBLIC, "as:Public", "Public"))
    assert not is_public("https://masto.example/users/jula/followers")


def test_a_conversation_may_have_a_tag_uri() -> None:
    uri = "tag:masto.example,2026-10-02:objectId=3:objectType=Conversation"
    assert opaque_identifier(uri) == uri
    assert opaque_identifier("tag:has blank") is None
    assert opaque_identifier("javascript:alert(1)") is None
