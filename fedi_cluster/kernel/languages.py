"""The languages of pages and posts: codes, own names, and choosing a text for a reader."""

import re
from collections.abc import Mapping, Sequence

PAGE_LANGUAGES = ("en", "pl", "de", "lt", "sv")

OWN_NAMES = {
    "en": "English",
    "pl": "Polski",
    "de": "Deutsch",
    "lt": "Lietuvių",
    "sv": "Svenska",
    "da": "Dansk",
    "fi": "Suomi",
    "lv": "Latviešu",
    "et": "Eesti",
    "uk": "Українська",
    "ru": "Русский",
    "fr": "Français",
    "es": "Español",
    "it": "Italiano",
    "nl": "Nederlands",
    "nb": "Norsk bokmål",
}

_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")


def normal_tag(text: str) -> str | None:
    """A BCP 47 tag in its usual spelling (`de`, `pt-BR`), or None where it is none (RFC 5646)."""
    if len(text) > 35 or not _TAG.fullmatch(text):
        return None
    first, *rest = text.split("-")
    return "-".join([first.lower(), *(part.upper() if len(part) == 2 else part for part in rest)])


def own_name(tag: str) -> str:
    """How a language calls itself, or its tag where we do not know."""
    return OWN_NAMES.get(tag.split("-", maxsplit=1)[0], tag)


def choose(texts: Mapping[str, str], wanted: Sequence[str]) -> tuple[str, str] | None:
    """The (tag, text) that a reader of the `wanted` languages, best first, reads best.

    The first text (the original) where none fits; None where there is no text at all.
    """
    for tag in wanted:
        for have, text in texts.items():
            if have.split("-")[0] == tag.split("-")[0]:
                return have, text
    return next(iter(texts.items()), None)
