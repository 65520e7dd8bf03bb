"""What the page handlers work with: settings, addresses, the database, and one port to strangers."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from fedi_cluster.community.actors.ports import SubscribeTemplate
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.settings import Settings
from fedi_cluster.storage.database import Database


@dataclass(frozen=True, slots=True)
class WebDesk:
    """The parts of one instance that pages need; `zone` is the time zone of dates on them."""

    settings: Settings
    at: Addresses
    db: Database
    subscribe_template: SubscribeTemplate
    zone: ZoneInfo


def open_site(
    settings: Settings, at: Addresses, db: Database, subscribe_template: SubscribeTemplate
) -> WebDesk:
    """The parts, put together."""
    return WebDesk(settings, at, db, subscribe_template, ZoneInfo(settings.time_zone))
