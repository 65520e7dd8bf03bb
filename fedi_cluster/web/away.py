"""The notice on pages of a sister whose server does not answer: what is read here is a copy, and how good."""

from fedi_cluster.community.regions import ledger
from fedi_cluster.storage.unit import Reader
from fedi_cluster.web.regions import Regions
from fedi_cluster.web.site import WebDesk
from fedi_cluster.web.visit import Visit


def notice_of(
    reader: Reader, desk: WebDesk, visit: Visit, regions: Regions, about: tuple[str, str | None]
) -> str | None:
    """One sentence for the pages of a sister who is away, None where she answers.

    `about` is her host, and the id of the post that the page shows; None where it shows her whole region.
    """
    host, uri = about
    member = next((one for one in regions.members if one.host == host and one.is_sister), None)
    if member is None or member.comparison.away_since is None or member.comparison.checked_at is None:
        return None
    _ = visit.words.gettext
    told = {
        "region": member.entry.name,
        "since": visit.words.moment(member.comparison.away_since, desk.zone),
        "checked": visit.words.moment(member.comparison.checked_at, desk.zone),
    }
    if _is_verified(reader, host, uri):
        return _(
            "%(region)s does not answer since %(since)s. You read a verified copy; last checked %(checked)s.",
            **told,
        )
    return _("%(region)s does not answer since %(since)s. You read a copy; last checked %(checked)s.", **told)


def _is_verified(reader: Reader, host: str, uri: str | None) -> bool:
    if uri is None:
        return ledger.is_all_verified(reader, host)
    held = ledger.held(reader, uri)
    return held is not None and bool(held.verified)
