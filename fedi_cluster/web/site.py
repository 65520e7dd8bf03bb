"""What the page handlers work with: settings, addresses, the database, and one port to strangers."""

from collections.abc import Hashable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from fedi_cluster.community.actors.ports import SubscribeTemplate
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.lru import ByteLru
from fedi_cluster.settings import Settings
from fedi_cluster.storage.database import Database
from fedi_cluster.web.kept import KeptPages
from fedi_cluster.web.standing import standing_headers
from fedi_cluster.web.viewmodels.posts import PostCard

MOST_BYTES_OF_CARDS = 4 << 20


@dataclass(frozen=True, slots=True)
class WebDesk:
    """The parts of one instance that pages need; `zone` is the time zone of dates on them.

    `pages` and `cards` are what was made before and may be shown again.
    """

    settings: Settings
    at: Addresses
    db: Database
    subscribe_template: SubscribeTemplate
    zone: ZoneInfo
    pages: KeptPages
    cards: ByteLru[Hashable, PostCard]


def open_site(
    settings: Settings, at: Addresses, db: Database, subscribe_template: SubscribeTemplate
) -> WebDesk:
    """The parts, put together."""
    pages = KeptPages(db.glance, settings.language, standing_headers(settings))
    return WebDesk(
        settings,
        at,
        db,
        subscribe_template,
        ZoneInfo(settings.time_zone),
        pages,
        ByteLru(MOST_BYTES_OF_CARDS),
    )
