"""Acts on posts, one file an act: write, publish, edit, erase, react."""

from fedi_cluster.community.posts.actions.edit import edit
from fedi_cluster.community.posts.actions.erase import erase, erase_all, forget
from fedi_cluster.community.posts.actions.publish import PublishPost, note_recipients, publish
from fedi_cluster.community.posts.actions.react import announce, like, unannounce, unlike, withdraw_all
from fedi_cluster.community.posts.actions.write import Translation, WritePost, rewrite, write

__all__ = [
    "PublishPost",
    "Translation",
    "WritePost",
    "announce",
    "edit",
    "erase",
    "erase_all",
    "forget",
    "like",
    "note_recipients",
    "publish",
    "rewrite",
    "unannounce",
    "unlike",
    "withdraw_all",
    "write",
]
