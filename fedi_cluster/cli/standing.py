"""How it stands with each sister: membership, history, lane, last sign of life; it only reads."""

from dataclasses import asdict, dataclass
from datetime import datetime

from fedi_cluster.cli.dates import ago
from fedi_cluster.community.instances import queries
from fedi_cluster.jobs import reports
from fedi_cluster.kernel.clock import to_wire
from fedi_cluster.storage.unit import Reader


@dataclass(frozen=True, slots=True)
class Sister:
    """One other instance: `waiting` deliveries, `error` of the first of them, moments as ISO texts."""

    host: str
    name: str
    state: str
    admitted: bool
    history_state: str
    history_done: int
    history_total: int | None
    waiting: int
    given_up: int
    error: str | None
    last_heard: str | None
    heard: str

    @property
    def history(self) -> str:
        """In words: `done, 17 of 17`."""
        total = self.history_total
        return f"{self.history_state}, {self.history_done}{f' of {total}' if total is not None else ''}"


@dataclass(frozen=True, slots=True)
class Standing:
    """The cluster as it is known here; `urn` is None outside one."""

    urn: str | None
    version: int
    member: bool
    sisters: tuple[Sister, ...]

    def as_json(self) -> dict[str, object]:
        """For other programs; the words of `heard` are left out."""
        rows = [
            {name: value for name, value in asdict(one).items() if name != "heard"} for one in self.sisters
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
    lanes = reports.lane_report(reader, f"out:{host}")
    lane = lanes[0] if lanes else None
    heard: datetime | None = known.last_heard_at if known else None
    return Sister(
        host=host,
        name=member.entry.name,
        state=member.entry.state,
        admitted=member.admitted or member.entry.state != "member",
        history_state=member.history_state,
        history_done=member.history_done,
        history_total=member.history_total,
        waiting=lane.waiting if lane else 0,
        given_up=lane.dead if lane else 0,
        error=lane.error if lane else None,
        last_heard=to_wire(heard) if heard else None,
        heard=ago(heard, reader.now),
    )
