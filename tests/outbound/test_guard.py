"""Which URLs and addresses may be reached (threats SSRF-001 to SSRF-019)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedi_cluster.kernel.errors import Unreachable
from fedi_cluster.outbound.guard import NOT_READABLE, check_address, check_url, is_public
from fedi_cluster.settings import load
from tests.outbound.strangers import settings

PUBLIC = load(
    None,
    {
        "FEDI_CLUSTER_BASE_URL": "https://ours.example",
        "FEDI_CLUSTER_REGION": "x",
        "FEDI_CLUSTER_REGION_NAME": "X",
    },
)
CLOSED = settings()
# TLS in a closed network: names on port 443 that lead to inner addresses, nothing more.
TLS_CLOSED = settings(BASE_URL="https://ours.test", PRIVATE_NETWORKS="10.0.0.0/8,127.0.0.0/8")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://Rostock.Example", "https://rostock.example/"),
        ("https://rostock.example:443/a/../b?x=%20&y=[1]#z", "https://rostock.example/a/../b?x=%20&y=[1]"),
        ("https://rōstock.example/ł", "https://xn--rstock-bgb.example/%C5%82"),
        ("https://rostock.example/@ala:x", "https://rostock.example/@ala:x"),
        ("https://ｒostock。example/", "https://rostock.example/"),
    ],
)
def test_what_is_public_passes_in_one_spelling(url: str, shown: str) -> None:
    assert check_url(url, PUBLIC).url == shown


@pytest.mark.parametrize(
    "url",
    [
        # other schemes and ports
        "http://rostock.example/", "ftp://rostock.example/", "file:///etc/passwd", "gopher://rostock.example/",
        "data:text/plain,x", "unix:/run/x.sock", "//rostock.example/", "rostock.example", "",
        "https://rostock.example:80/", "https://rostock.example:22/", "https://rostock.example:6379/",
        # addresses in every spelling
        "https://127.0.0.1/", "https://93.184.216.34/", "https://[::1]/", "https://[::]/", "https://0.0.0.0/",
        "https://[fe80::1]/", "https://[fe80::1%25eth0]/", "https://[fc00::1]/", "https://[::ffff:127.0.0.1]/",
        "https://[2606:2800:220:1::1]/", "https://127.1/", "https://0x7f.1/", "https://0x7f000001/",
        "https://2130706433/", "https://0177.0.0.1/", "https://127.0.0.1./", "https://127.0.0.01/",
        "https://１２７.0.0.1/", "https://①②⑦.0.0.1/", "https://127。0。0。1/", "https://1.2.3/",
        "https://rostock.0x1/",
        # names of the inner network, odd names
        "https://localhost/", "https://x.localhost/", "https://LOCALHOST/", "https://local\u200bhost/",
        "https://intranet/", "https://rostock.example./", "https://.example/", "https://a..example/",
        "https://-a.example/", "https://a_b.example/", "https://" + "a" * 64 + ".example/", "https:///x",
        "https://%6cocalhost/", "https://rostock%2eexample/",
        # two readings
        "https://user@rostock.example/", "https://user:pass@rostock.example/", "https://rostock.example\\@x/",
        "https://rostock.example\\.evil.example/", "https://rostock.example:443:80/", "https://[::1/",
        "https://rostock.example:/", "https://rostock.example:4x/", "https://rostock.example/\n",
        " https://rostock.example/", "https://rost\tock.example/", "https://rostock.example/\x00",
        "https://rostock.example/" + "a" * 2000, "https://rostock.example/\ud800",
    ],
)  # fmt: skip
def test_what_is_never_reached_from_a_public_server(url: str) -> None:
    with pytest.raises(Unreachable) as caught:
        check_url(url, PUBLIC)
    assert caught.value.permanent
    assert caught.value.public == NOT_READABLE


@pytest.mark.parametrize(
    "url",
    [
        "http://rostock.localhost:8002/", "http://localhost:8002/", "http://127.0.0.1:9/", "http://peer/",
        "https://rostock.localhost:8443/", "https://rostock.example/", "http://127.0.0.1/",
    ],
)  # fmt: skip
def test_a_closed_network_opens_http_ports_and_its_addresses(url: str) -> None:
    assert check_url(url, CLOSED).url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1:80/", "http://[::1]:8000/", "http://93.184.216.34/", "http://0x7f.1/", "http://127.1:80/",
        "http://rostock.example:443/", "http://[::ffff:127.0.0.1]/", "http://u@localhost/",
    ],
)  # fmt: skip
def test_a_closed_network_opens_nothing_beyond_it(url: str) -> None:
    with pytest.raises(Unreachable):
        check_url(url, CLOSED)


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/", "https://10.0.0.1/", "https://peer.test:8443/", "http://peer.test/"]
)
def test_a_closed_network_with_tls_keeps_https_and_443(url: str) -> None:
    assert check_url("https://peer.test/", TLS_CLOSED)
    with pytest.raises(Unreachable):
        check_url(url, TLS_CLOSED)


INNER = [
    "127.0.0.1", "10.1.1.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "0.1.2.3", "192.0.0.8", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:127.0.0.1",
    "::ffff:93.184.216.34", "::ffff:0:7f00:1", "64:ff9b::7f00:1", "64:ff9b::5db8:d822", "64:ff9b:1::1",
    "100::1", "2001::1", "2001:0:53aa:64c::1", "2001:db8::1", "2002:7f00:1::", "2002:5db8:d822::1",
    "3fff::1", "5f00::1", "fc00::1", "fd12::1", "fe80::1", "fe80::1%1", "fec0::1", "ff02::1",
]  # fmt: skip


@pytest.mark.parametrize("address", [*INNER, "no address", "", "93.184.216.34%1"])
def test_no_inner_address_is_connected(address: str) -> None:
    with pytest.raises(Unreachable, match="address not allowed") as caught:
        check_address(address, 443, PUBLIC)
    assert not caught.value.permanent
    assert caught.value.public == NOT_READABLE


@pytest.mark.parametrize("address", ["93.184.216.34", "1.1.1.1", "2606:4700::1111", "2a02:247a::1"])
def test_public_addresses_are_connected_on_443_alone(address: str) -> None:
    for ours in (PUBLIC, CLOSED):
        check_address(address, 443, ours)
        for port in (80, 22, 8443):
            with pytest.raises(Unreachable):
                check_address(address, port, ours)


def test_private_networks_open_their_addresses_and_with_http_their_ports() -> None:
    check_address("127.0.0.5", 8002, CLOSED)
    check_address("127.0.0.5", 443, CLOSED)
    check_address("10.9.9.9", 443, TLS_CLOSED)
    for address, port, ours in (
        ("10.0.0.1", 443, CLOSED),
        ("10.0.0.1", 8002, CLOSED),
        ("10.9.9.9", 8443, TLS_CLOSED),
        ("::ffff:127.0.0.1", 8002, CLOSED),
    ):
        with pytest.raises(Unreachable):
            check_address(address, port, ours)


@given(st.ip_addresses(v=6))
def test_no_public_address_hides_another(address: object) -> None:
    from ipaddress import IPv6Address

    assert isinstance(address, IPv6Address)
    if is_public(address):
        assert address.ipv4_mapped is None
        assert address.sixtofour is None
        assert address.teredo is None


@given(st.text(max_size=60))
def test_any_text_is_accepted_or_refused_and_accepted_twice_alike(text: str) -> None:
    for url in (text, f"https://{text}", f"https://rostock.example/{text}"):
        try:
            target = check_url(url, PUBLIC)
        except Unreachable:
            continue
        assert check_url(target.url, PUBLIC) == target
        assert target.url.isascii()
        assert (target.scheme, target.port) == ("https", 443)
