"""Acts on the membership of the cluster: found, invite, ask, confirm, end, and take over a signed list."""

import hashlib
import secrets
import uuid
from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import datetime, timedelta

from sqlalchemy import Delete, Insert, Update, delete, insert, select, update

from fedi_cluster.community.instances import queries, rules
from fedi_cluster.community.instances.facts import MemberEnded, MemberJoined, MembersChanged
from fedi_cluster.community.instances.shapes import Cluster, Comparison, Entry, Member
from fedi_cluster.kernel.addresses import host_of
from fedi_cluster.kernel.clock import whole_second
from fedi_cluster.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from fedi_cluster.storage.tables import cluster as tables
from fedi_cluster.storage.unit import Unit

_TOKEN_BYTES = 32


def found(unit: Unit, own: Entry) -> Cluster:
    """The cluster that we are a member of; a new one with us alone where there is none."""
    known = queries.cluster(unit)
    if known and queries.is_member(unit, host_of(own.actor)):
        return known
    fresh = Cluster(f"urn:uuid:{uuid.uuid4()}", 1, whole_second(unit.now))
    alone = replace(own, updated_at=_after(unit, own.actor))
    # Who was a sister in the cluster that we left is none in a new one.
    _write(unit, delete(tables.member))
    _store_cluster(unit, fresh)
    _store(unit, alone, admitted=True)
    return fresh


def invite(unit: Unit, own: Entry) -> tuple[str, datetime]:
    """A fresh one-time token and when it ends; only its hash is kept."""
    found(unit, own)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    expires = whole_second(unit.now + rules.INVITATION_LASTS)
    unit.connection.execute(
        insert(tables.invitation).values(hash=_hash(token), created_at=unit.now, expires_at=expires)
    )
    return token, expires


def check_invitation(unit: Unit, token: str, host: str) -> datetime:
    """When the invitation ends.

    Raises `NotFound` for a token we never gave or that ended, `Conflict` where another host used it.
    """
    row = unit.connection.execute(
        select(tables.invitation).where(tables.invitation.c.hash == _hash(token))
    ).first()
    if row is None or row.expires_at < unit.now:
        raise NotFound("This invitation is not known or has ended; ask for a new one.")
    if row.used_by not in (None, host):
        raise Conflict("This invitation was used already; ask for a new one.")
    expires: datetime = row.expires_at
    return expires


def ask(unit: Unit, token: str, candidate: Entry) -> Member:
    """A newcomer holds an invitation and asks to join; a host must confirm. Again changes nothing."""
    host = host_of(candidate.actor)
    check_invitation(unit, token, host)
    known = queries.member(unit, host)
    if known and known.entry.state == "member":
        return known
    unit.connection.execute(
        update(tables.invitation)
        .where(tables.invitation.c.hash == _hash(token))
        .values(used_by=host, used_at=unit.now)
    )
    _store(unit, replace(candidate, state="asking", updated_at=_after(unit, candidate.actor)), admitted=False)
    member = queries.member(unit, host)
    assert member is not None
    return member


def await_confirmation(unit: Unit, urn: str, inviter: Entry, own_host: str) -> None:
    """We asked `inviter` to join: from now on a list that it signs is taken.

    Raises `Conflict` where we are a member of a cluster with others already.
    """
    if queries.sisters(unit, own_host):
        raise Conflict("This instance is a member of a cluster already; run “cluster leave” first.")
    _write(unit, delete(tables.member))
    _store_cluster(unit, Cluster(urn, 0, whole_second(unit.now)))
    _store(unit, replace(inviter, state="inviting"), admitted=True)


def confirm(unit: Unit, name: str, own: Entry) -> Member:
    """A host confirms a newcomer who asked, or admits a member that waits for her own word.

    Raises `Invalid` where `name` is unknown or does not wait.
    """
    waiting = queries.find_member(unit, name)
    if waiting.entry.state == "asking":
        entry = replace(
            waiting.entry,
            state="member",
            confirmed_by=own.actor,
            updated_at=_after(unit, waiting.entry.actor),
        )
        _store(unit, entry, admitted=True)
        _raise_version(unit)
    elif waiting.entry.state == "member" and not waiting.admitted:
        _write(unit, update(tables.member).where(tables.member.c.host == waiting.host).values(admitted=1))
    else:
        raise Invalid(f"{waiting.host} does not wait for a confirmation: it is “{waiting.entry.state}”.")
    unit.record(MemberJoined(waiting.host))
    confirmed = queries.member(unit, waiting.host)
    assert confirmed is not None
    return confirmed


def remove(unit: Unit, name: str, own: Entry) -> Member:
    """Ends the membership of another: what was received stays, delivery stops."""
    ended = queries.find_member(unit, name)
    if ended.entry.actor == own.actor:
        raise Invalid("To end your own membership run “cluster leave”.")
    if ended.entry.state == "asking":
        _write(unit, delete(tables.member).where(tables.member.c.host == ended.host))
        return ended
    if ended.entry.state != "member":
        raise Invalid(f"{ended.host} is not a member.")
    _end(unit, ended, "removed", own.actor)
    unit.record(MemberEnded(ended.host))
    return ended


def leave(unit: Unit, own_host: str) -> None:
    """Ends our own membership; raises `Invalid` where there is none."""
    own = queries.member(unit, own_host)
    if own is None or own.entry.state != "member":
        raise Invalid("This instance is not a member of a cluster.")
    sisters = queries.sisters(unit, own_host)
    _end(unit, own, "left", own.entry.actor)
    for sister in sisters:
        unit.record(MemberEnded(sister.host))


def take_list(
    unit: Unit, own_host: str, sender: str, incoming: tuple[int, Iterable[Entry]], *, admit: bool
) -> None:
    """Merges a list of members that `sender` (an instance actor) signed with the key pinned here.

    `incoming` is its version and its entries; `admit` says whether a new member needs no word of our own
    host. Raises `Forbidden` where the sender is not a member here, or the list does not name us.
    """
    teller = queries.member_by_actor(unit, sender)
    cluster = queries.cluster(unit)
    if cluster is None or teller is None or teller.entry.state not in ("member", "inviting"):
        raise Forbidden("The list of members comes from an instance that is not a member here.")
    version, told = incoming[0], {entry.actor: entry for entry in incoming[1]}
    own_actor = next((actor for actor in told if host_of(actor) == own_host), None)
    if own_actor is None:
        raise Forbidden("The list of members does not name this instance.")
    was_member = queries.is_member(unit, own_host)
    before = {one.entry.actor: one for one in queries.members(unit)}
    merged = rules.merge({actor: one.entry for actor, one in before.items()}, told.values(), sender)
    for actor, entry in merged.items():
        known = before.get(actor)
        if known is None or known.entry != entry:
            fresh = known is None or known.entry.state not in ("member", "inviting")
            admitted = admit or not was_member or host_of(actor) == own_host
            _store(unit, entry, admitted=admitted if fresh else known is not None and known.admitted)
    # A list goes back only where it teaches its teller something: two who cannot agree (one of them holds an
    # older key of a third) would else answer each other for ever.
    differs = rules.merge(told, merged.values(), own_actor) != told
    _store_cluster(
        unit,
        Cluster(cluster.urn, max(version, cluster.version) + differs, whole_second(unit.now)),
    )
    _tell_changes(unit, own_host, before, was_member)
    if differs:
        unit.record(MembersChanged(max(version, cluster.version) + 1))


def _tell_changes(unit: Unit, own_host: str, before: dict[str, Member], was_member: bool) -> None:
    is_member = queries.is_member(unit, own_host)
    for now in queries.members(unit):
        if now.host == own_host:
            continue
        old = before.get(now.entry.actor)
        was = was_member and old is not None and old.is_sister
        present = is_member and now.is_sister
        if present and not was:
            unit.record(MemberJoined(now.host))
        elif was and not present:
            unit.record(MemberEnded(now.host))


def _after(unit: Unit, actor: str) -> datetime:
    """The second of a change: now, but later than the change before."""
    known = queries.member_by_actor(unit, actor)
    now = whole_second(unit.now)
    return max(now, known.entry.updated_at + timedelta(seconds=1)) if known else now


def _end(unit: Unit, member: Member, state: str, by: str) -> None:
    updated = _after(unit, member.entry.actor)
    _store(unit, replace(member.entry, state=state, confirmed_by=by, updated_at=updated), admitted=True)
    _raise_version(unit)


def _raise_version(unit: Unit) -> None:
    known = queries.cluster(unit)
    assert known is not None, "who confirms or ends a membership is in a cluster"
    _store_cluster(unit, Cluster(known.urn, known.version + 1, whole_second(unit.now)))
    unit.record(MembersChanged(known.version + 1))


def _store_cluster(unit: Unit, cluster: Cluster) -> None:
    unit.connection.execute(delete(tables.cluster))
    unit.connection.execute(
        insert(tables.cluster).values(
            id=1, urn=cluster.urn, version=cluster.version, updated_at=cluster.updated_at
        )
    )


def _store(unit: Unit, entry: Entry, *, admitted: bool) -> None:
    values = {
        "actor_uri": entry.actor,
        "region_uri": entry.region,
        "name": entry.name,
        "key": entry.key,
        "state": entry.state,
        "confirmed_by": entry.confirmed_by,
        "published_at": entry.published_at,
        "updated_at": entry.updated_at,
        "admitted": int(admitted),
    }
    host = host_of(entry.actor)
    if not _write(unit, update(tables.member).where(tables.member.c.host == host).values(**values)):
        _write(unit, insert(tables.member).values(host=host, **values))


def _write(unit: Unit, statement: Insert | Update | Delete) -> int:
    unit.forget(queries.MEMBERS)
    return unit.connection.execute(statement).rowcount


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def note_slug(unit: Unit, host: str, slug: str | None) -> None:
    """The short name that a sister gives her region in addresses."""
    _write(unit, update(tables.member).where(tables.member.c.host == host).values(slug=slug))


def note_comparison(unit: Unit, host: str, how: Comparison) -> None:
    """How the last comparison with a sister ended."""
    values = asdict(how)
    values["compare_state"], values["compare_error"] = values.pop("state"), values.pop("error")
    _write(unit, update(tables.member).where(tables.member.c.host == host).values(**values))
    unit.forget(queries.MEMBERS)
