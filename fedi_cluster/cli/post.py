"""`post`: publish, edit and delete in the name of a local account; the running server tells the others."""

from typing import TYPE_CHECKING

import click

from fedi_cluster.cli.common import asynchronous, author, config_option, the_house
from fedi_cluster.cli.wording import Wording, bare_tags, wording_options
from fedi_cluster.kernel.errors import Forbidden

if TYPE_CHECKING:
    from fedi_cluster.community.posts.shapes import Post, Project
    from fedi_cluster.storage.unit import Unit

KINDS = ("note", "project", "news")
VISIBILITIES = ("public", "unlisted", "followers", "direct")


class _PublishByDefault(click.Group):
    """`post "Text"` is `post new "Text"`: publishing is what it is for."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts `new` in front of what names no command."""
        if not args or (args[0] not in self.commands and args[0] not in ("-h", "--help")):
            args = ["new", *args]
        return super().parse_args(ctx, args)


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
@wording_options
@click.option("--as", "name", metavar="NAME", help="The local account that writes (else the editorial one).")
@click.option("--kind", type=click.Choice(KINDS), default="note", show_default=True, help="What it is.")
@click.option("--visibility", type=click.Choice(VISIBILITIES), default="public", show_default=True)
@click.option(
    "--to-region/--no-region",
    default=None,
    help="Address the region, which then announces it (default: public posts that answer nothing).",
)
@click.option("--reply-to", metavar="POST", help="The post that it answers: id or address, from anywhere.")
@click.option("--published", metavar="DATE", help="When it first appeared: 2026-11-23 or 2026-11-23T09:00.")
@click.option("--state", metavar="TEXT", help="Of a project: how far it is, such as planned, running, done.")
@config_option
@asynchronous
async def new(
    *,
    wording: Wording,
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
    from fedi_cluster.cli.dates import parse_moment
    from fedi_cluster.cli.finding import find_post, resolve_mentions
    from fedi_cluster.community.posts.actions import WritePost, write

    async with the_house() as house:
        parent = (await find_post(house, reply_to)).uri if reply_to else None
        await resolve_mentions(house, wording.text)
        command = WritePost(
            text=wording.text,
            language=wording.language or house.settings.language,
            kind=kind,
            title=wording.title,
            summary=wording.summary,
            visibility=visibility,
            in_reply_to=parent,
            to_region=visibility == "public" and parent is None if to_region is None else to_region,
            tags=wording.tags,
            translations=wording.translations,
            project=_project(kind, state),
            published_at=parse_moment(published, house.settings.time_zone) if published else None,
        )

        def publish(unit: "Unit") -> "Post":
            return write(unit, house.at, author(unit, name), command)

        _tell(await house.db.write(publish))


@post.command()
@click.argument("meant", metavar="POST")
@wording_options
@config_option
@asynchronous
async def edit(*, meant: str, wording: Wording) -> None:
    """Replace the text of POST, an id or address of this instance.

    Title, summary, language and hashtags stay where none are given; translations are given anew, because an
    old one would say what the text says no more.

    \b
    Example:
      fedi-cluster post edit 117664953139209282 "Open studios on Sunday."
    """
    from fedi_cluster.cli.finding import find_post, resolve_mentions
    from fedi_cluster.community.posts.actions import WritePost, rewrite

    async with the_house() as house:
        known = _own(await find_post(house, meant))
        await resolve_mentions(house, wording.text)
        command = WritePost(
            text=wording.text,
            language=wording.language or known.language or house.settings.language,
            kind=known.kind,
            title=wording.title or known.title,
            summary=wording.summary or known.summary,
            visibility=known.visibility,
            tags=wording.tags or bare_tags([tag.name for tag in known.tags if tag.type == "Hashtag"]),
            translations=wording.translations,
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


def _project(kind: str, state: str | None) -> "Project | None":
    from fedi_cluster.community.posts.shapes import Project

    if state is not None and kind != "project":
        raise click.UsageError("--state belongs to --kind project.")
    return Project(state=state) if state is not None else None
