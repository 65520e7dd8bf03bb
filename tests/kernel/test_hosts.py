"""The part of a host name that somebody registered, for counting."""

import pytest

from fedi_cluster.kernel.hosts import registrable


@pytest.mark.parametrize(
    ("authority", "domain"),
    [
        ("a.b.example.pl", "example.pl"),
        ("example.pl", "example.pl"),
        ("news.example.co.uk:8443", "example.co.uk"),
        ("example.com", "example.com"),
        ("localhost:8000", "localhost"),
        ("192.0.2.7:8000", "192.0.2.7"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("no host", "no host"),
    ],
)
def test_the_domain_that_somebody_registered(authority: str, domain: str) -> None:
    assert registrable(authority) == domain
