"""Decisions between two actors: what is answered to a wish to follow."""

from enum import Enum

from fedi_cluster.community.actors.shapes import Actor


class Answer(Enum):
    """What the followed side says at once."""

    ACCEPT = "accept"
    ASK = "ask"
    REFUSE = "refuse"


def answer(follower: Actor, target: Actor, *, blocked: bool) -> Answer:
    """The answer to `follower` who wishes to follow `target`.

    `blocked` says that one of them blocked the other. A remote target answers by itself, so we ask. The
    instance actor is nobody to follow. A region never lets people wait.
    """
    if blocked or follower.id == target.id or target.deleted_at or target.type == "Application":
        return Answer.REFUSE
    if not target.local or target.manually_approves:
        return Answer.ASK
    return Answer.ACCEPT
