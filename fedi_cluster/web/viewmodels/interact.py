"""Following or answering from one's own server, without an account here and without a script.

The page never sends the visitor on by itself: browsers apply `form-action 'self'` to redirects after a form,
so the answer to the form is the same page with a link that she follows.
"""

from dataclasses import dataclass
from typing import Literal

from fedi_cluster.http.locale import Words
from fedi_cluster.web.viewmodels.parts import Link


@dataclass(frozen=True, slots=True)
class InteractView:
    """`/interact?uri=URI&server=SERVER`.

    `uri` names the account (`acct:…`) or post (its id); empty when the visitor came without one. `target` is
    what it is, in her words, with its page. `server` is what she entered; `error` says what to do about it;
    `onward` leads to her server. `answer`: she answers a post instead of following an account.
    """

    uri: str = ""
    target: Link | None = None
    target_lang: str | None = None
    handle: str | None = None
    server: str = ""
    error: str | None = None
    onward: Link | None = None
    answer: bool = False


@dataclass(frozen=True, slots=True)
class WritingView:
    """`/intents/create`: the text that somebody wants to publish, as it came, plain."""

    text: str = ""


def no_server_found(words: Words, why: Literal["unreadable", "nameless", "silent", "unknown"]) -> str:
    """What to do when her entry leads nowhere.

    `unreadable`: it is no host name; `silent`: that host does not answer; `unknown`: it answers, but does not
    say where to follow (no `subscribe` template in its WebFinger). `nameless`: we know nobody there, and a
    server is asked by the name of an account.
    """
    _ = words.gettext
    if why == "unreadable":
        return _("Please enter a server such as mastodon.example.")
    if why == "nameless":
        return _("Please enter your whole name there, such as @you@mastodon.example.")
    if why == "silent":
        return _("This server does not answer. Is it spelt right?")
    return _("This server does not say how to follow from there. Please use the search of your app.")
