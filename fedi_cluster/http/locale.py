"""Which of the five page languages a visitor reads, and the words of it; it knows no request object.

A language is chosen by path (`/de/r/rostock`), cookie, Accept-Language, the instance's own: in this order.
The English texts are the message ids; the other catalogs are `locales/TAG/LC_MESSAGES/messages.po`, read at
the first use of a language, so that an idle server carries only what its visitors ask for.
"""

import io
from collections.abc import Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import escape

from fedi_cluster.kernel.languages import PAGE_LANGUAGES

if TYPE_CHECKING:
    from babel import Locale

LANGUAGE_COOKIE = "lang"
_CATALOGS = Path(__file__).resolve().parent.parent / "locales"
_BABEL = {tag: tag for tag in PAGE_LANGUAGES} | {"en": "en_GB"}
_MOST_RANGES = 20


def split_language(path: str) -> tuple[str | None, str]:
    """The page language that a path begins with, and the path without it: `/de/@a` gives `("de", "/@a")`."""
    first, slash, rest = path.removeprefix("/").partition("/")
    if not path.startswith("/") or first not in PAGE_LANGUAGES:
        return None, path
    return first, "/" + rest if slash else "/"


def with_language(path: str, tag: str | None) -> str:
    """A local path (`/r/rostock?x`) under a language prefix; None leaves it as it is."""
    return path if tag is None else f"/{tag}{path}"


def _quality(parameters: str) -> float:
    for part in parameters.split(";"):
        name, _, value = part.partition("=")
        if name.strip().lower() == "q":
            try:
                quality = float(value.strip())
            except ValueError:
                return 0.0
            return quality if 0.0 <= quality <= 1.0 else 0.0
    return 1.0


def accepted_languages(header: str) -> list[str]:
    """The ranges of an Accept-Language header, best first, without refused ones (RFC 9110, 12.5.4).

    Equal qualities keep the order of the header; at most the first 20 ranges are read.
    """
    ranked: list[tuple[float, int, str]] = []
    for position, part in enumerate(header.split(",")[:_MOST_RANGES]):
        tag, _, parameters = part.partition(";")
        quality = _quality(parameters)
        if tag.strip() and quality > 0:
            ranked.append((-quality, position, tag.strip().lower()))
    return [tag for _, _, tag in sorted(ranked)]


def choose_language(path_tag: str | None, cookie: str | None, accept_language: str | None, own: str) -> str:
    """The page language for a visitor: path, cookie, Accept-Language, then the instance's `own`.

    `*` in the header means the instance's own language; an `own` without a catalog gives English.
    """
    fallback = own if own in PAGE_LANGUAGES else "en"
    for told in (path_tag, cookie):
        if told in PAGE_LANGUAGES:
            return str(told)
    for wanted in accepted_languages(accept_language or ""):
        if wanted == "*":
            return fallback
        primary = wanted.split("-", maxsplit=1)[0]
        if primary in PAGE_LANGUAGES:
            return primary
    return fallback


def _read_catalog(tag: str) -> NullTranslations:
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    with (_CATALOGS / tag / "LC_MESSAGES" / "messages.po").open("rb") as source:
        catalog = read_po(source, locale=tag)
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return GNUTranslations(compiled)


# Of each language's data, what no page prints: three quarters of a mebibyte for each language.
_NOT_PRINTED = (
    "compact_currency_formats",
    "compact_decimal_formats",
    "currency_formats",
    "currency_names",
    "currency_names_plural",
    "currency_symbols",
    "currency_unit_patterns",
    "date_fields",
    "datetime_skeletons",
    "interval_formats",
    "meta_zones",
    "scripts",
    "territories",
    "time_zones",
    "unit_display_names",
    "unit_patterns",
    "variants",
)


def _locale(tag: str) -> "Locale":
    """Babel's words of a page language, without what lies beside them in memory for ever."""
    from babel import Locale, localedata
    from babel.core import get_global

    name = _BABEL[tag]
    locale = Locale.parse(name)
    for known in ("root", tag, name):
        data = localedata.load(known)
        for part in _NOT_PRINTED:
            data.pop(part, None)
    for table in ("likely_subtags", "territory_languages", "territory_currencies", "territory_aliases"):
        get_global(table).clear()  # type: ignore[attr-defined]
    return locale


def _filled(text: str, values: dict[str, object]) -> str:
    if not values:
        return text
    if any(hasattr(value, "__html__") for value in values.values()):
        return escape(text) % values
    return text % values


class Words:
    """The texts, dates and numbers of one page language; make it with `words_for`."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self._babel = _locale(tag)
        self._catalog: NullTranslations = NullTranslations() if tag == "en" else _read_catalog(tag)

    def gettext(self, message: str, **values: object) -> str:
        """The translation of an English text, `%(name)s` filled in.

        A value that is Markup makes the whole Markup, and everything else in it is escaped.
        """
        return _filled(self._catalog.gettext(message), values)

    def ngettext(self, one: str, many: str, n: int, **values: object) -> str:
        """As `gettext`, in the plural form that the language wants for `n`, which fills `%(n)s`."""
        return _filled(self._catalog.ngettext(one, many, n), {"n": self.number(n), **values})

    def date(self, day: date, style: str = "long") -> str:
        """A calendar day: `19 November 2025`, `19. November 2025`."""
        from babel.dates import format_date

        return format_date(day, style, locale=self._babel)

    def moment(self, moment: datetime, zone: tzinfo) -> str:
        """An aware datetime as the clock shows it in `zone`: `19 November 2025, 15:05`."""
        from babel.dates import format_time

        local = moment.astimezone(zone)
        return f"{self.date(local)}, {format_time(local.time(), 'short', locale=self._babel)}"

    def number(self, value: int | Decimal) -> str:
        """A number with the language's separators; a Decimal always with two places."""
        from babel.numbers import format_decimal

        pattern = "#,##0.00" if isinstance(value, Decimal) else "#,##0"
        return format_decimal(value, pattern, locale=self._babel)

    def listed(self, names: Sequence[str]) -> str:
        """Names as a list in a sentence: `Rostock, Szczecin and Rietavas`."""
        from babel.lists import format_list

        return format_list(list(names), locale=self._babel)

    def language_name(self, tag: str) -> str | None:
        """How this language calls the language of a tag, or None where nobody told us."""
        return self._babel.languages.get(tag.split("-", maxsplit=1)[0].lower())


@lru_cache(maxsize=len(PAGE_LANGUAGES))
def words_for(tag: str) -> Words:
    """The words of one of the five page languages; another tag is a fault of the caller (`ValueError`)."""
    if tag not in PAGE_LANGUAGES:
        raise ValueError(f"no page language: {tag!r}")
    return Words(tag)
