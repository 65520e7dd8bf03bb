"""Which handler works which type of activity."""

from collections.abc import Mapping
from typing import Any

from fedi_cluster.federation.inbox.handlers.accept import accept, reject
from fedi_cluster.federation.inbox.handlers.announce import announce
from fedi_cluster.federation.inbox.handlers.block import block
from fedi_cluster.federation.inbox.handlers.create import create
from fedi_cluster.federation.inbox.handlers.delete import delete
from fedi_cluster.federation.inbox.handlers.follow import follow
from fedi_cluster.federation.inbox.handlers.join import join
from fedi_cluster.federation.inbox.handlers.like import like
from fedi_cluster.federation.inbox.handlers.undo import undo
from fedi_cluster.federation.inbox.handlers.update import update
from fedi_cluster.federation.inbox.message import Handler
from fedi_cluster.federation.vocab.types import (
    Accept,
    Announce,
    Block,
    Create,
    Delete,
    Follow,
    Join,
    Like,
    Reject,
    Undo,
    Update,
)

HANDLERS: Mapping[type, Handler[Any]] = {
    Accept: accept,
    Announce: announce,
    Block: block,
    Create: create,
    Delete: delete,
    Follow: follow,
    Join: join,
    Like: like,
    Reject: reject,
    Undo: undo,
    Update: update,
}
