"""The options with which `post` is given a text: source, title, other languages; it stores nothing."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fedi_cluster.kernel.errors import Invalid

if TYPE_CHECKING:
    from fedi_cluster.community.posts.actions import Translation


@dataclass(frozen=True, slots=True)
class Wording:
    """What was given: `tags` without #, `translations` by language tag."""

    text: str
    title: str | None
    summary: str | None
    language: str | None
    tags: tuple[str, ...]
    translations: Mapping[str, "Translation"]


_OPTIONS = (
    click.option(
        "--file", "-f", "wording_file", metavar="FILE", help="Read the text there; - is standard input."
    ),
    click.option("--title", "wording_title", metavar="TEXT", help="The title; project and news need one."),
    click.option("--summary", "wording_summary", metavar="TEXT", help="Warning of a note, lead of news."),
    click.option("--lang", "wording_lang", metavar="TAG", help="Language of the text (else the instance's)."),
    click.option(
        "--tag", "wording_tags", multiple=True, metavar="NAME", help="Append a hashtag; repeatable."
    ),
    click.option(
        "--translation",
        "wording_translations",
        multiple=True,
        metavar="LANG=FILE",
        help="The text in a further language; repeatable.",
    ),
    click.option("--title-in", "wording_titles", multiple=True, metavar="LANG=TEXT", help="The title in it."),
    click.option(
        "--summary-in", "wording_summaries", multiple=True, metavar="LANG=TEXT", help="The summary in it."
    ),
)


def wording_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds argument and options of a text; the command gets them as one `wording`."""

    @wraps(command)
    def with_wording(*, text: str | None, **given: Any) -> Any:
        told = {name: given.pop(name) for name in list(given) if name.startswith("wording_")}
        wording = Wording(
            text=_text(text, told["wording_file"]),
            title=told["wording_title"],
            summary=told["wording_summary"],
            language=told["wording_lang"],
            tags=bare_tags(told["wording_tags"]),
            translations=_translations(
                told["wording_translations"], told["wording_titles"], told["wording_summaries"]
            ),
        )
        return command(wording=wording, **given)

    changed: Callable[..., Any] = with_wording
    for option in reversed(_OPTIONS):
        changed = option(changed)
    return click.argument("text", required=False)(changed)


def bare_tags(names: Sequence[str]) -> tuple[str, ...]:
    """Hashtags without their sign."""
    return tuple(name.removeprefix("#") for name in names)


def _text(text: str | None, file: str | None) -> str:
    """The text of the argument, of a file, or of standard input; a usage error for none or for two."""
    if (text is None) == (file is None):
        raise click.UsageError("Give the text as an argument, or --file FILE, or - for standard input.")
    if "-" in (text, file):
        return sys.stdin.read()
    return text if text is not None else _read(str(file))


def _read(file: str) -> str:
    try:
        return Path(file).read_text("utf-8")
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise Invalid(f"{file} is no text in UTF-8.") from error


def _translations(
    files: Sequence[str], titles: Sequence[str], summaries: Sequence[str]
) -> dict[str, "Translation"]:
    """Further languages of a post, by tag; a usage error where a title has no text."""
    from fedi_cluster.community.posts.actions import Translation

    texts = {tag: _read(file) for tag, file in _pairs("--translation", files)}
    titled, led = dict(_pairs("--title-in", titles)), dict(_pairs("--summary-in", summaries))
    for tag in sorted({*titled, *led} - set(texts)):
        raise click.UsageError(f"There is no --translation {tag}=FILE for the title or summary in “{tag}”.")
    return {tag: Translation(text, titled.get(tag), led.get(tag)) for tag, text in texts.items()}


def _pairs(option: str, given: Sequence[str]) -> list[tuple[str, str]]:
    pairs = [(tag, value) for tag, equals, value in (one.partition("=") for one in given) if equals]
    if len(pairs) != len(given):
        raise click.UsageError(f"{option} is written LANG=…, for example {option} de=….")
    return pairs
