"""What the next deliveries of a lane need: their bodies and the keys that sign them, read once for many."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, bindparam, not_, or_, select

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.instances import queries as instance_queries
from fedi_cluster.federation.remote.lanes import ASIDE, WAITING
from fedi_cluster.federation.remote.reach import Way, way
from fedi_cluster.federation.remote.signing import Form, form_for, own_private_keys
from fedi_cluster.federation.signatures.keys import PrivateKeys
from fedi_cluster.jobs.mending import TOLERANCE
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.lru import ByteLru
from fedi_cluster.storage.prepared import Prepared
from fedi_cluster.storage.tables.base import Moment
from fedi_cluster.storage.tables.federation import activity as activity_table
from fedi_cluster.storage.tables.federation import delivery, inbox_log
from fedi_cluster.storage.unit import Reader

AT_ONCE = 50
"""Deliveries of one lane that are read together."""

_Name = tuple[str, int]
"""A body: of an `activity` of ours, or of an entry of the `log`."""

_MOST_HELD = 2 * 2**20
_MOST_KEYS_HELD = 2**20
_KEYS = 4096
_table = delivery.c
# What a clock decided that was ahead does not wait for it.
_later = and_(
    _table.run_at > bindparam("now", type_=Moment), _table.decided_at <= bindparam("soon", type_=Moment)
)
_NEXT = Prepared(
    select(
        _table.id, _table.inbox, _table.activity_id, _table.log_id, _table.signer_id, _table.state,
        _table.tries, _table.created_at,
    )
    .where(
        _table.host == bindparam("host"),
        or_(
            _table.state == WAITING,
            and_(_table.state == ASIDE, not_(_later)),
        ),
    )
    .order_by(_table.id)
    .limit(AT_ONCE)
)  # fmt: skip
_REFUSING = Prepared(
    select(_table.inbox)
    .distinct()
    .where(
        _table.host == bindparam("host"),
        _table.state == ASIDE,
        _later,
    )
)


class _Row(NamedTuple):
    """What `_NEXT` selects."""

    id: int
    inbox: str
    activity_id: int | None
    log_id: int | None
    signer_id: int
    state: str
    tries: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Parcel:
    """One delivery: `body` None where it is not kept any more, `tries` in vain at its own inbox."""

    id: int
    inbox: str
    body: bytes | None
    keys: PrivateKeys | None
    aside: bool
    tries: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Load:
    """What a lane does next; `refusing` are inboxes to which nothing goes before their time.

    `scheme` is what the instance is known to accept; `noted_at` when it was last written down that it was
    reached.
    """

    state: Way
    parcels: tuple[Parcel, ...]
    refusing: frozenset[str]
    form: Form
    scheme: str | None
    noted_at: datetime | None


class Parcels:
    """Holds bodies of the last activities, some five hundred, and our actors' keys."""

    def __init__(self, at: Addresses) -> None:
        self._at = at
        self._bodies: ByteLru[_Name, bytes] = ByteLru(_MOST_HELD)
        self._keys: ByteLru[int, PrivateKeys] = ByteLru(_MOST_KEYS_HELD)

    def load(self, reader: Reader, host: str) -> Load:
        """The next deliveries of the lane to `host`, in their order."""
        now = {"host": host, "now": reader.now, "soon": reader.now + TOLERANCE}
        rows = [_Row(*row) for row in _NEXT.all(reader, **now)]
        bodies = self._read_bodies(reader, ((row.log_id, row.activity_id) for row in rows))
        known = instance_queries.instance(reader, host)
        return Load(
            state=way(reader, host),
            parcels=tuple(
                Parcel(
                    row.id,
                    row.inbox,
                    bodies.get(_name(row.log_id, row.activity_id)),
                    self._signer(reader, row.signer_id),
                    row.state == ASIDE,
                    row.tries,
                    row.created_at,
                )
                for row in rows
            ),
            refusing=frozenset(str(row[0]) for row in _REFUSING.all(reader, **now)),
            form=form_for(reader, self._at, host),
            scheme=known.signature_scheme if known else None,
            noted_at=known.last_reached_at if known else None,
        )

    def _signer(self, reader: Reader, actor_id: int) -> PrivateKeys | None:
        held = self._keys.get(actor_id)
        if held is None:
            found = actor_queries.by_ids(reader, [actor_id]).get(actor_id)
            if found is None or not found.local:
                return None
            held = own_private_keys(reader, found)
            self._keys.put(actor_id, held, _KEYS)
        return held

    def _read_bodies(
        self, reader: Reader, wanted: Iterable[tuple[int | None, int | None]]
    ) -> dict[_Name, bytes]:
        names = {_name(log_id, activity_id) for log_id, activity_id in wanted}
        found = {name: body for name in names if (body := self._bodies.get(name)) is not None}
        for kind, table, column in (
            ("activity", activity_table, activity_table.c.document),
            ("log", inbox_log, inbox_log.c.raw),
        ):
            ids = sorted(number for of, number in names - found.keys() if of == kind)
            if ids:
                rows = reader.connection.execute(select(table.c.id, column).where(table.c.id.in_(ids)))
                fresh = {(kind, number): bytes(body) for number, body in rows if body}
                for name, body in fresh.items():
                    self._bodies.put(name, body, len(body))
                found |= fresh
        return found


def _name(log_id: int | None, activity_id: int | None) -> _Name:
    return ("log", log_id) if log_id is not None else ("activity", activity_id or 0)
