"""View model in, HTML out: the one Jinja2 environment; it reads no data and decides nothing.

Everything is escaped but Markup; a name that a template misspells is an error, never an empty place.
"""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from fedi_cluster.http.frame import PageFrame, navigation
from fedi_cluster.http.locale import words_for

if TYPE_CHECKING:
    from jinja2 import Environment


def templates_folder() -> Path:
    """The templates: top level in a source checkout, inside the package in an installed wheel.

    Raises `FileNotFoundError` where neither is there: the installation is broken.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package.parent / "templates", package / "_files" / "templates"):
        if (folder / "frame.html").is_file():
            return folder
    raise FileNotFoundError("the page templates are not installed beside the package")


@lru_cache(maxsize=1)
def _environment() -> "Environment":
    # With the first page: a server whose visitors are servers goes without its 3 MiB.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(templates_folder()),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, viewmodel: object, page: PageFrame) -> str:
    """The HTML of a page: `template` is a name below `templates/`, such as `posts/thread.html`.

    In the template: `view` (the view model), `page`, `nav`, `_` and `ngettext` in the page's language, and
    `link(url)`, which keeps the language prefix on local paths. Raises jinja2's `TemplateError` for a fault
    in the template itself.
    """
    words = words_for(page.language)
    return (
        _environment()
        .get_template(template)
        .render(
            view=viewmodel,
            page=page,
            nav=page.nav or navigation(words, page.path),
            link=page.link,
            _=words.gettext,
            ngettext=words.ngettext,
            number=words.number,
        )
    )
