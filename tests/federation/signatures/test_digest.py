"""Digests of bodies, in both headers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedi_cluster.federation.signatures.digest import (
    check_content_digest,
    check_digest,
    content_digest_header,
    digest_header,
)
from fedi_cluster.kernel.errors import ClusterError, Malformed, Unauthenticated

BODY = b'{"hello": "world"}'
SHA_256 = "X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="
SHA_512 = "WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew=="


def test_what_we_write() -> None:
    assert digest_header(BODY) == f"SHA-256={SHA_256}"
    assert content_digest_header(BODY) == f"sha-256=:{SHA_256}:"


@pytest.mark.parametrize(
    "value",
    [
        f"SHA-256={SHA_256}",
        f"sha-256={SHA_256}",
        f"SHA-512={SHA_512}",
        f"SHA-256={SHA_256},SHA-512={SHA_512}",
        f"MD5=abc, SHA-256={SHA_256}",
    ],
)
def test_digests_that_fit(value: str) -> None:
    check_digest(value, BODY)
    with pytest.raises(Unauthenticated):
        check_digest(value, BODY + b" ")


@pytest.mark.parametrize(
    "value",
    [
        f"sha-256=:{SHA_256}:",
        f"sha-512=:{SHA_512}:, sha-256=:{SHA_256}:",
        f"md5=:AAAA:, sha-256=:{SHA_256}:",
    ],
)
def test_content_digests_that_fit(value: str) -> None:
    check_content_digest(value, BODY)
    with pytest.raises(Unauthenticated):
        check_content_digest(value, BODY + b" ")


@pytest.mark.parametrize("value", ["MD5=abc", f"SHA-256={SHA_256},SHA-256=AAAA", "SHA-256="])
def test_digests_that_say_nothing_or_another_body(value: str) -> None:
    with pytest.raises(Unauthenticated):
        check_digest(value, BODY)


@pytest.mark.parametrize(
    "value", ["", "SHA-256", f"SHA-256={SHA_256[:-1]}", "SHA-256=ż", f"SHA-256={SHA_256},"]
)
def test_unreadable_digests(value: str) -> None:
    with pytest.raises(Malformed):
        check_digest(value, BODY)


@pytest.mark.parametrize(
    "value", ["sha-256", f"sha-256={SHA_256}", "sha-256=(:AAAA:)", "sha-256=:A:", "=:AAAA:"]
)
def test_unreadable_content_digests(value: str) -> None:
    with pytest.raises(Malformed):
        check_content_digest(value, BODY)


def test_every_listed_digest_must_fit() -> None:
    with pytest.raises(Unauthenticated):
        check_content_digest(f"sha-256=:{SHA_256}:, sha-512=:{SHA_256}:", BODY)


@settings(deadline=None)
@given(st.text(max_size=80) | st.from_regex(r"(sha-256|SHA-512)=:?[A-Za-z0-9+/]{0,8}=?:?", fullmatch=True))
def test_random_text_is_refused_calmly(value: str) -> None:
    for check in (check_digest, check_content_digest):
        with pytest.raises(ClusterError):
            check(value, BODY)
