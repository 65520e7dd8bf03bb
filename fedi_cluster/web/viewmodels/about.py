"""What this server is and with whom it belongs, ready to print; it names nobody who only asks to join."""

from collections.abc import Sequence
from dataclasses import dataclass

from fedi_cluster.http.frame import RegionChip
from fedi_cluster.web.viewmodels.parts import Author, Link


@dataclass(frozen=True, slots=True)
class Sister:
    """Another server of the cluster; `state` says in words whether it still belongs, and since when."""

    server: Link
    host: str
    state: str


@dataclass(frozen=True, slots=True)
class AboutView:
    """`/about`: `stand` is the region's description in the language `stand_lang`, `host` our own name.

    `member_list` is the local path of the signed list of members, None where there is no cluster.
    """

    region: RegionChip
    stand: str
    stand_lang: str | None
    host: str
    version: str
    editors: Sequence[Author] = ()
    sisters: Sequence[Sister] = ()
    member_list: str | None = None
