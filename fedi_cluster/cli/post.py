"""`post`: publish, edit and delete in the name of a local account; the running server tells the others."""

import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fedi_cluster.cli.common import asynchronous, author, config_option, the_house
from fedi_cluster.cli.dates import parse_moment
from fedi_cluster.kernel.errors import Forbidden, Invalid

if TYPE_CHECKING:
    from fedi_cluster.community.posts.actions import Translation
    from fedi_cluster.community.posts.shapes import Post, Project
    from fedi_cluster.storage.unit import Unit

KINDS = ("note", "project", "news")
VISIBILITIES = ("public", "unlisted", "followers", "direct")

Command = TypeVar("Command", bound=Callable[..., Any])


class _PublishByDefault(click.Group):
    """`post "Text"` is `post new "Text"`: publishing is what it is for."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts `new` in front of what names no command."""
        if not args or (args[0] not in self.commands and args[0] not in ("-h", "--help")):
            args = ["new", *args]
        return super().parse_args(ctx, args)


def _text_options(command: Command) -> Command:
    """What `new` and `edit` have in common: where the text comes from, and what stands beside it."""
    for option in reversed(
        (
            click.option("--file", "-f", type=click.Path(allow_dash=True), metavar="FILE", help="Read the text there."),
            click.option("--title", metavar="TEXT", help="The title; project and news need one."),
            click.option("--summary", metavar="TEXT", help="Content warning of a note, lead of news."),
            click.option("--lang", metavar="TAG", help="Language of the text (else that of the instance)."),
            click.option("--tag", "tags", multiple=True, metavar="NAME", help="A hashtag to append; repeatable."),
            click.option(
                "--translation", "translations", multiple=True, metavar="LANG=FILE",
                help="The text in a further language; repeatable.",
            ),
            click.option("--title-in", multiple=True, metavar="LANG=TEXT", help="The title in that language."),
            click.option("--summary-in", multiple=True, metavar="LANG=TEXT", help="The summary in that language."),
        )
    ):  # fmt: skip
        command = option(command)
    return command


@click.group(cls=_PublishByDefault)
def post() -> None:
    """Publish, edit and delete posts.

    Without one of the commands below, it publishes: see “fedi-cluster post new --help”.

    \b
    Examples:
      fedi-cluster post "Open studios on Saturday. #Szczecin"
      fedi-cluster post --kind news --title "New hall" --file hall.txt --lang pl
      fedi-cluster post edit 117664953139209282 --file hall.txt
      fedi-cluster post delete 117664953139209282
    """


@post.command()
@click.argument("text", required=False)
@_text_options
@click.option("--as", "name", metavar="NAME", help="The local account that writes (else the editorial one).")
@click.option("--kind", type=click.Choice(KINDS), default="note", show_default=True, help="What it is.")
@click.option("--visibility", type=click.Choice(VISIBILITIES), default="public", show_default=True)
@click.option(
    "--to-region/--no-region", default=None,
    help="Address the region, which then announces it (default: public posts that answer nothing).",
)  # fmt: skip
@click.option("--reply-to", metavar="POST", help="The post that it answers: id or address, from anywhere.")
@click.option("--published", metavar="DATE", help="When it first appeared: 2026-11-23 or 2026-11-23T09:00.")
@click.option("--state", metavar="TEXT", help="Of a project: planned, running, done.")
@config_option
@asynchronous
async def new(
    text: str | None,
    file: str | None,
    title: str | None,
    summary: str | None,
    lang: str | None,
    tags: tuple[str, ...],
    translations: tuple[str, ...],
    title_in: tuple[str, ...],
    summary_in: tuple[str, ...],
    name: str | None,
    kind: str,
    visibility: str,
    to_region: bool | None,
    reply_to: str | None,
    published: str | None,
    state: str | None,
) -> None:
    """Publish TEXT, the content of --file, or standard input (-).

    Plain text: a blank line begins a paragraph; addresses, #hashtags and @name@host become links. Prints the
    address of the page, and below it the id, which other servers and “post edit” know it by.

    \b
    Example:
      fedi-cluster post "Open studios on Saturday. #Szczecin" --as ola
    """
    from fedi_cluster.cli.finding import find_post, resolve_mentions
    from fedi_cluster.community.posts.actions import WritePost, write

    body = _text(text, file)
    further = _translations(translations, title_in, summary_in)
    async with the_house() as house:
        parent = (await find_post(house, reply_to)).uri if reply_to else None
        await resolve_mentions(house, body)
        command = WritePost(
            text=body,
            language=lang or house.settings.language,
            kind=kind,
            title=title,
            summary=summary,
            visibility=visibility,
            in_reply_to=parent,
            to_region=visibility == "public" and parent is None if to_region is None else to_region,
            tags=_tags(tags),
            translations=further,
            project=_project(kind, state),
            published_at=_moment(published, house.settings.time_zone),
        )

        def publish(unit: "Unit") -> "Post":
            return write(unit, house.at, author(unit, name), command)

        written = await house.db.write(publish)
    _tell(written)


@post.command()
@click.argument("meant", metavar="POST")
@click.argument("text", required=False)
@_text_options
@config_option
@asynchronous
async def edit(
    meant: str,
    text: str | None,
    file: str | None,
    title: str | None,
    summary: str | None,
    lang: str | None,
    tags: tuple[str, ...],
    translations: tuple[str, ...],
    title_in: tuple[str, ...],
    summary_in: tuple[str, ...],
) -> None:
    """Replace the text of POST, an id or address of this instance.

    Title, summary, language and hashtags stay where none are given; translations are given anew, because an
    old one would say what the text says no more.

    \b
    Example:
      fedi-cluster post edit 117664953139209282 "Open studios on Sunday."
    """
    from fedi_cluster.cli.finding import find_post, resolve_mentions
    from fedi_cluster.community.posts.actions import WritePost, rewrite

    body = _text(text, file)
    further = _translations(translations, title_in, summary_in)
    async with the_house() as house:
        known = _own(await find_post(house, meant))
        await resolve_mentions(house, body)
        command = WritePost(
            text=body,
            language=lang or known.language or house.settings.language,
            kind=known.kind,
            title=title or known.title,
            summary=summary or known.summary,
            visibility=known.visibility,
            tags=_tags(tags) or _tags([tag.name for tag in known.tags if tag.type == "Hashtag"]),
            translations=further,
            project=known.project,
        )

        def change(unit: "Unit") -> "Post":
            return rewrite(unit, house.at, known.author, known, command)

        _tell(await house.db.write(change))


@post.command()
@click.argument("meant", metavar="POST")
@config_option
@asynchronous
async def delete(meant: str) -> None:
    """Delete POST, an id or address of this instance, here and wherever it was sent.

    \b
    Example:
      fedi-cluster post delete 117664953139209282
    """
    from fedi_cluster.cli.finding import find_post
    from fedi_cluster.community.posts.actions import erase

    async with the_house() as house:
        known = _own(await find_post(house, meant))
        await house.db.write(erase, known.author, known)
    click.echo(f"Deleted {known.uri}.")


def _own(found: "Post") -> "Post":
    if not found.local:
        raise Forbidden(f"{found.uri} was written elsewhere; only its author's server can change it.")
    return found


def _tell(written: "Post") -> None:
    click.echo(written.url)
    click.echo(written.uri)


def _text(text: str | None, file: str | None) -> str:
    """The text of the argument, of a file, or of standard input; a usage error for none or for two."""
    if (text is None) == (file is None):
        raise click.UsageError("Give the text as an argument, or --file FILE, or - for standard input.")
    source = file or ("-" if text == "-" else None)
    if source is None:
        assert text is not None
        return text
    return sys.stdin.read() if source == "-" else _read(source)


def _read(file: str) -> str:
    try:
        return Path(file).read_text("utf-8")
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise Invalid(f"{file} is no text in UTF-8.") from error


def _tags(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name.removeprefix("#") for name in names)


def _project(kind: str, state: str | None) -> "Project | None":
    from fedi_cluster.community.posts.shapes import Project

    if state is not None and kind != "project":
        raise click.UsageError("--state belongs to --kind project.")
    return Project(state=state) if state is not None else None


def _moment(text: str | None, zone: str) -> datetime | None:
    return parse_moment(text, zone) if text else None


def _translations(
    files: Sequence[str], titles: Sequence[str], summaries: Sequence[str]
) -> dict[str, "Translation"]:
    """Further languages of a post, by tag; a usage error where a title has no text."""
    from fedi_cluster.community.posts.actions import Translation

    texts = {tag: _read(file) for tag, file in _pairs("--translation", files)}
    titled, led = dict(_pairs("--title-in", titles)), dict(_pairs("--summary-in", summaries))
    for tag in {*titled, *led} - set(texts):
        raise click.UsageError(f"There is no --translation {tag}=FILE for the title or summary in “{tag}”.")
    return {tag: Translation(text, titled.get(tag), led.get(tag)) for tag, text in texts.items()}


def _pairs(option: str, given: Sequence[str]) -> list[tuple[str, str]]:
    pairs = [(tag, value) for tag, equals, value in (one.partition("=") for one in given) if equals]
    if len(pairs) != len(given):
        raise click.UsageError(f"{option} is written LANG=…, for example {option} de=….")
    return pairs
