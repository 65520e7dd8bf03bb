"""Decisions about instances: who may deliver, and how two lists of members become one."""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from fedi_cluster.community.instances.shapes import Entry, Instance

INVITATION_LASTS = timedelta(days=7)
FORMAT = 1

# At the same moment the harder word wins (golden README, "Cluster documents").
_WEIGHT = {"member": 0, "left": 1, "removed": 2}


def may_deliver(instance: Instance | None) -> bool:
    """Whether we take anything from this instance: an unknown one may, a blocked one may not."""
    return instance is None or instance.policy != "blocked"


def merge(mine: Mapping[str, Entry], theirs: Iterable[Entry], sender: str) -> dict[str, Entry]:
    """Our list and one that `sender` (an instance actor) signed, entry by entry: the later change wins.

    Any two members who merge the same lists get the same list, so nobody has to be the referee. A new key
    for a known member counts only where that member itself sends it. Who asks us to join keeps asking
    against what others say of the time before; whom we asked is what any list says.
    """
    merged = dict(mine)
    for entry in theirs:
        known = merged.get(entry.actor)
        if entry.state not in _WEIGHT:
            continue
        if known is None or known.state == "inviting":
            merged[entry.actor] = entry
            continue
        if known.state == "asking":
            if entry.updated_at > known.updated_at:
                merged[entry.actor] = entry
            continue
        if entry.key != known.key and sender != entry.actor:
            continue
        if _rank(entry) > _rank(known):
            merged[entry.actor] = entry
    return merged


def _rank(entry: Entry) -> tuple[object, ...]:
    """What wins is greater; the members behind the state decide nothing but that all decide alike."""
    return (
        entry.updated_at,
        _WEIGHT[entry.state],
        entry.confirmed_by or "",
        entry.published_at,
        entry.name,
        entry.region,
        entry.key,
    )
