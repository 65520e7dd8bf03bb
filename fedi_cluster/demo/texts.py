"""The words of a demo post: what is written, and the plain text that readers find; it stores nothing.

Under every text stands where the facts come from (product.md, "Demo ethics").
"""

from collections.abc import Sequence

from fedi_cluster.demo.shapes import SOURCE_LABEL, DemoItem


def text_of(item: DemoItem, language: str) -> str:
    """What the editorial account writes in `language`: paragraphs of plain text, the sources last.

    A project begins with the text of its card, because a `Note` has no summary but a content warning.
    """
    card = (item.summaries[language],) if item.kind == "project" else ()
    return "\n\n".join((*card, *item.bodies[language], sources_of(item.sources, language)))


def sources_of(sources: Sequence[str], language: str) -> str:
    """The lines that say where the facts come from."""
    return "\n".join(f"{SOURCE_LABEL[language]}: {url}" for url in sources)


def summary_of(item: DemoItem, language: str) -> str | None:
    """The lede of news; a project has none."""
    return item.summaries[language] if item.kind == "news" else None


def as_read(text: str, tags: Sequence[str] = ()) -> str:
    """A text as one line, its hashtags behind it: how it reads on a page, whatever the spaces."""
    return " ".join([*text.split(), *(f"#{tag}" for tag in tags)])
