"""What went wrong, in plain words, and a way on; it never shows what belongs into the log."""

from collections.abc import Sequence
from dataclasses import dataclass

from fedi_cluster.http.locale import Words
from fedi_cluster.web.viewmodels.parts import Link


@dataclass(frozen=True, slots=True)
class ErrorView:
    """`status` is the HTTP status; `detail` one more sentence, in English, about this very request."""

    status: int
    title: str
    text: str
    ways: Sequence[Link]
    detail: str | None = None


def _sentences(words: Words) -> dict[int, tuple[str, str]]:
    _ = words.gettext
    again = _("Please try again in a few minutes.")
    unread = _("We could not read this request")
    return {
        400: (unread, _("Something in the address or in the form is not as it should be.")),
        401: (_("This page is not public"), _("Only people who have proved who they are may open it.")),
        403: (_("You may not see this page"), _("It is meant for other people, or it was closed.")),
        404: (
            _("Nothing is here"),
            _("The address is wrong, the page has moved, or it is not meant for everybody."),
        ),
        405: (unread, _("This address cannot be used in this way.")),
        406: (unread, _("We have this page in no form that your program understands.")),
        409: (_("Somebody was faster"), _("This has changed meanwhile. Please look at it again.")),
        410: (
            _("This was deleted"),
            _("Its author took it back."),
        ),
        413: (_("This is too large"), _("Please send less at once.")),
        415: (unread, _("We do not accept files or texts of this kind here.")),
        422: (_("Something is missing or wrong"), _("Please check what you entered and send it again.")),
        429: (_("Too many requests"), _("Please wait a moment before you go on.")),
        500: (_("Something broke on our side"), _("It is not your fault, and it was noted.") + " " + again),
        502: (_("Another server does not answer"), _("We need it to show this page.") + " " + again),
        503: (_("We are not ready at the moment"), again),
        504: (_("Another server does not answer"), again),
    }


def error_view(words: Words, status: int, *, detail: str | None = None) -> ErrorView:
    """The page for any HTTP status of 400 and above; an unknown one reads like 400 or 500."""
    table = _sentences(words)
    title, text = table.get(status) or table[500 if status >= 500 else 400]
    ways = (
        Link(words.gettext("Go to the start page"), "/"),
        Link(words.gettext("See what is new"), "/public/cluster"),
    )
    return ErrorView(status, title, text, ways, detail)
