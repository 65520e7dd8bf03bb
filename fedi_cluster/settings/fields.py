"""What can be set, each with its text, default and example beside it; it reads no file and no variable."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, get_type_hints

from fedi_cluster.kernel.languages import PAGE_LANGUAGES
from fedi_cluster.settings import readers
from fedi_cluster.settings.readers import Network, Read

PREFIX = "FEDI_CLUSTER_"


@dataclass(frozen=True, slots=True)
class Computed:
    """A default that depends on others; `text` says on what."""

    text: str


@dataclass(frozen=True, slots=True)
class About:
    """What stands beside a field: its meaning, how it is read, an example as TOML has it, its default.

    `default` None means compulsory. `key` is the dotted name in TOML where it is not the field's name.
    `secret` values are never shown in a fault.
    """

    text: str
    read: Read
    example: str | int | float | list[str]
    default: str | int | float | list[str] | Computed | None = None
    key: str | None = None
    secret: bool = False


FOREVER = "It can never change once others know this server: every id that they keep begins with it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes in bytes, times in seconds (limits.md names who uses each figure)."""

    inbox_body: Annotated[
        int,
        About("Largest delivery that the inbox reads, in bytes.", readers.whole(1024, 2**27), 2**20, 2**20),
    ]
    remote_document: Annotated[
        int,
        About(
            "Largest document read from a stranger, in bytes after decoding.",
            readers.whole(1024, 2**27),
            2**20,
            2**20,
        ),
    ]
    redirects: Annotated[int, About("Redirects followed when reading.", readers.whole(0, 10), 3, 3)]
    connect: Annotated[
        float,
        About(
            "Seconds to find the address of a stranger, and again to connect with TLS.",
            readers.seconds(0.05, 60),
            5.0,
            5.0,
        ),
    ]
    read: Annotated[
        float,
        About(
            "Seconds to wait for an answer, and again for its body.", readers.seconds(0.05, 120), 30.0, 30.0
        ),
    ]
    slow: Annotated[
        float,
        About(
            "Seconds after which a server is slow. For so long all are waited for; up to the other limits "
            "only 16 when reading and 128 when delivering at once, and 4 of one server, so that slow ones "
            "hold up nobody else.",
            readers.seconds(0.05, 120),
            10.0,
            10.0,
        ),
    ]
    total: Annotated[
        float,
        About("Seconds for reading in all, redirects included.", readers.seconds(0.05, 300), 40.0, 40.0),
    ]
    delivery_total: Annotated[
        float, About("Seconds for one delivery in all.", readers.seconds(0.05, 300), 40.0, 40.0)
    ]
    inbox_waiting: Annotated[
        int,
        About(
            "Deliveries that may wait to be worked; beyond that the inbox answers 503.",
            readers.whole(10, 10_000_000),
            10_000,
            10_000,
        ),
    ]
    inbox_waiting_per_host: Annotated[
        int,
        About(
            "Deliveries of one instance that may wait to be worked; beyond that it is answered 429.",
            readers.whole(10, 10_000_000),
            5000,
            5000,
        ),
    ]
    signature_window: Annotated[
        int,
        About(
            "How old, and how far ahead, a signature may be, in seconds.",
            readers.whole(30, 43_200),
            3600,
            3600,
        ),
    ]
    key_negative: Annotated[
        int,
        About(
            "Seconds for which a key that could not be fetched is not asked for again.",
            readers.whole(0, 86_400),
            300,
            300,
        ),
    ]
    key_refetch: Annotated[
        int,
        About(
            "Seconds between two fetches of a known key after a signature did not fit.",
            readers.whole(0, 86_400),
            300,
            300,
        ),
    ]
    key_fetches: Annotated[
        int,
        About(
            "Unknown keys that are fetched in a minute from one domain; for more a delivery is answered 429.",
            readers.whole(1, 100_000),
            30,
            30,
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that a host decides; read once at start by `load`, then handed in."""

    base_url: Annotated[
        str,
        About(
            f"The public address of this server: https (or http in a closed network or a test), host and, "
            f"where needed, port; no path. {FOREVER}",
            readers.public_url,
            "https://szczecin.example",
        ),
    ]
    handle_domain: Annotated[
        str,
        About(
            "What stands behind the @ in the names of its accounts. It may differ from the host of base_url, "
            f"when that domain answers WebFinger by a redirect to it. {FOREVER}",
            readers.authority,
            "szczecin.example",
            Computed("the host (and port) of base_url"),
        ),
    ]
    data_dir: Annotated[
        Path,
        About(
            "The folder for the embedded database and files. A relative path begins at the folder of the "
            "settings file.",
            readers.text(1, 1000),
            "/var/lib/fedi-cluster",
            ".",
        ),
    ]
    database_url: Annotated[
        str,
        About(
            "Where the data is kept: sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME.",
            readers.database_url,
            "postgresql://fedi@localhost/fedi",
            Computed("sqlite:///DATA_DIR/fedi-cluster.sqlite"),
            secret=True,
        ),
    ]
    region: Annotated[
        str, About("The region's short name in addresses: a-z, 0-9 and hyphen.", readers.slug, "szczecin")
    ]
    region_name: Annotated[
        str, About("The region's name as people read it.", readers.text(1, 100), "Szczecin")
    ]
    description: Annotated[
        str,
        About(
            "What this server is for, in a sentence.",
            readers.text(0, 1000),
            "News and projects of Szczecin and its neighbours",
            "",
        ),
    ]
    language: Annotated[
        str,
        About(
            f"The language of pages for visitors who ask for none: {', '.join(PAGE_LANGUAGES)}.",
            readers.language,
            "pl",
            "en",
        ),
    ]
    time_zone: Annotated[
        str, About("The time zone of dates on pages (IANA name).", readers.time_zone, "Europe/Warsaw", "UTC")
    ]
    bind: Annotated[
        str,
        About(
            "Where the server listens, as HOST:PORT; the proxy in front of it speaks TLS.",
            readers.bind,
            "127.0.0.1:8000",
            "127.0.0.1:8000",
        ),
    ]
    workers: Annotated[
        int, About("How many server processes (more than one wants PostgreSQL).", readers.whole(1, 64), 2, 1)
    ]
    trusted_proxies: Annotated[
        tuple[Network, ...],
        About(
            "Networks of proxies whose X-Forwarded headers are believed.",
            readers.networks,
            ["127.0.0.1/32", "::1/128"],
            [],
        ),
    ]
    private_networks: Annotated[
        tuple[Network, ...],
        About(
            "Networks that are not public and may be reached all the same; for closed networks and tests. "
            "Plain http, and hosts that are addresses or have ports, are accepted only there, and only if "
            "base_url is plain http too. On a public server leave it empty: it opens your inner network to "
            "requests that strangers cause.",
            readers.private_networks,
            ["127.0.0.0/8"],
            [],
        ),
    ]
    trust_store: Annotated[
        Path | None,
        About(
            "A file of certificates (PEM) of the authorities that are trusted, instead of the machine's.",
            readers.text(1, 1000),
            "/etc/ssl/our-ca.pem",
            Computed("the variable SSL_CERT_FILE, else the machine's"),
        ),
    ]
    log_level: Annotated[
        str,
        About(
            "From which weight on something is logged; the option --log-level wins.",
            readers.one_of("debug", "info", "warning", "error"),
            "info",
            "warning",
        ),
    ]
    log_format: Annotated[
        Literal["json", "text"] | None,
        About(
            'How log lines look: "json" for a program that collects them, "text" for people.',
            readers.one_of("json", "text"),
            "json",
            Computed('"text" on a terminal, else "json"'),
        ),
    ]
    metrics_token: Annotated[
        str | None,
        About(
            "Who sends this word as a bearer token may read /metrics from anywhere; others only from this "
            "machine and its private network, past the proxy. At least 16 letters, digits or -._~+/=.",
            readers.token,
            "cQ4vW9Zr2sLx8TqNfB1d",
            Computed("none: nobody from outside"),
            secret=True,
        ),
    ]
    otel_endpoint: Annotated[
        str | None,
        About(
            "Where traces are sent, a URL of OTLP over HTTP; needs pip install 'fedi-cluster[otel]'.",
            readers.web_address,
            "http://127.0.0.1:4318/v1/traces",
            Computed("none: no traces"),
        ),
    ]
    cluster_admission: Annotated[
        str,
        About(
            'Who lets a newcomer into the cluster: with "any" one host\'s confirmation holds for all; with '
            '"each" our own host is asked too.',
            readers.one_of("any", "each"),
            "each",
            "any",
            key="cluster.admission",
        ),
    ]
    limits: Limits

    @property
    def host(self) -> str:
        """The authority of `base_url`: `host` or `host:port`."""
        return self.base_url.partition("://")[2]

    @property
    def secure(self) -> bool:
        """Whether `base_url` is https."""
        return self.base_url.startswith("https:")

    @property
    def plain_http_allowed(self) -> bool:
        """Whether plain http, ports and addresses are accepted within `private_networks`."""
        return not self.secure and bool(self.private_networks)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting under its dotted `key`; `path` leads to its field (`("limits", "read")`)."""

    key: str
    path: tuple[str, ...]
    about: About

    @property
    def variable(self) -> str:
        """The name of its variable: `FEDI_CLUSTER_LIMITS_READ`."""
        return PREFIX + self.key.upper().replace(".", "_")


@cache
def all_settings() -> tuple[Setting, ...]:
    """Every setting in the order of the page; raises TypeError for a field without its `About`."""
    return tuple(_walk(Settings, ()))


def _walk(holder: type, path: tuple[str, ...]) -> Iterator[Setting]:
    if not is_dataclass(holder):
        raise TypeError(f"{holder} is no group of settings")
    hints = get_type_hints(holder, include_extras=True)
    for field in fields(holder):
        hint = hints[field.name]
        here = (*path, field.name)
        notes = [note for note in getattr(hint, "__metadata__", ()) if isinstance(note, About)]
        if notes:
            yield Setting(notes[0].key or ".".join(here), here, notes[0])
        elif isinstance(hint, type):
            yield from _walk(hint, here)
        else:
            raise TypeError(f"the setting {field.name} says nothing about itself")
