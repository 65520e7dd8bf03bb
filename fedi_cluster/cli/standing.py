"""How it stands with each sister: membership, copies, lane, last sign of life; it only reads."""

from dataclasses import asdict, dataclass
from datetime import datetime

from fedi_cluster.cli.dates import ago
from fedi_cluster.community.instances import queries
from fedi_cluster.jobs import reports
from fedi_cluster.kernel.clock import to_wire
from fedi_cluster.storage.unit import Reader


@dataclass(frozen=True, slots=True)
class Sister:
    """One other instance: `waiting` deliveries, `error` of the first of them, moments as ISO texts.

    `compare_state`, `compare_error`, `missing`, `offered` and `held_for_us` are those of a `Comparison`.
    """

    host: str
    name: str
    state: str
    admitted: bool
    compare_state: str
    compare_error: str | None
    missing: int
    offered: int
    held_for_us: int
    checked_at: str | None
    away_since: str | None
    waiting: int
    given_up: int
    error: str | None
    last_heard: str | None
    heard: str
    checked: str

    @property
    def copies(self) -> str:
        """In words: `in step (checked 2 minutes ago)`, or what is missing, or since when she is away."""
        if self.away_since:
            return f"does not answer since {self.away_since}"
        told = [
            f"{count} {what}"
            for count, what in (
                (self.missing, "missing"),
                (self.offered, "offered to it: it lost them"),
                (self.held_for_us, "of ours held there: run “cluster recover”"),
            )
            if count
        ]
        if told:
            return f"{', '.join(told)} (checked {self.checked})"
        if self.compare_error:
            return f"cannot be compared: {self.compare_error}"
        if self.compare_state == "none":
            return "not compared yet"
        return f"in step (checked {self.checked})" if self.compare_state == "in_step" else self.compare_state


@dataclass(frozen=True, slots=True)
class Standing:
    """The cluster as it is known here; `urn` is None outside one."""

    urn: str | None
    version: int
    member: bool
    sisters: tuple[Sister, ...]

    def as_json(self) -> dict[str, object]:
        """For other programs; what is only worded for people is left out."""
        worded = ("heard", "checked")
        rows = [
            {name: value for name, value in asdict(one).items() if name not in worded} for one in self.sisters
        ]
        return {"cluster": self.urn, "version": self.version, "member": self.member, "sisters": rows}


def read_standing(reader: Reader, own_host: str) -> Standing:
    """How it stands with everybody on the list but ourselves (`own_host`)."""
    cluster = queries.cluster(reader)
    return Standing(
        urn=cluster.urn if cluster else None,
        version=cluster.version if cluster else 0,
        member=queries.is_member(reader, own_host),
        sisters=tuple(
            _sister(reader, host)
            for host in (one.host for one in queries.members(reader))
            if host != own_host
        ),
    )


def _sister(reader: Reader, host: str) -> Sister:
    member, known = queries.member(reader, host), queries.instance(reader, host)
    assert member is not None
    how = member.comparison
    lanes = reports.lane_report(reader, f"out:{host}")
    lane = lanes[0] if lanes else None
    heard: datetime | None = known.last_heard_at if known else None
    return Sister(
        host=host,
        name=member.entry.name,
        state=member.entry.state,
        admitted=member.admitted or member.entry.state != "member",
        compare_state=how.state,
        compare_error=how.error,
        missing=how.missing,
        offered=how.offered,
        held_for_us=how.held_for_us,
        checked_at=to_wire(how.checked_at) if how.checked_at else None,
        away_since=to_wire(how.away_since) if how.away_since else None,
        waiting=lane.waiting if lane else 0,
        given_up=lane.dead if lane else 0,
        error=lane.error if lane else None,
        last_heard=to_wire(heard) if heard else None,
        heard=ago(heard, reader.now),
        checked=ago(how.checked_at, reader.now),
    )
