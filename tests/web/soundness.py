"""Is a page sound HTML: closed, one h1, steps of headings, nothing inline, small enough."""

import re
from html.parser import HTMLParser

MOST_BYTES = 60 * 1024
_VOID = {"meta", "link", "img", "input", "br"}
_DRAWING = {"path", "use"}


class _Sound(HTMLParser):
    """Collects what is wrong with a page; an end tag that fits no start tag is wrong."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.headings: list[int] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if len(values) != len(attrs):
            self.faults.append(f"<{tag}> has an attribute twice")
        if identity := values.get("id"):
            self.ids.append(identity)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag in ("script", "style") or "style" in values or any(name.startswith("on") for name in values):
            self.faults.append(f"inline code or style at <{tag}>")
        if tag in ("p", "a", "form") and tag in self.open:
            self.faults.append(f"<{tag}> inside <{tag}>")
        if tag == "img" and values.get("alt") is None:
            self.faults.append("<img> without alt")
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _DRAWING | _VOID:
            self.faults.append(f"<{tag}/> closes itself")
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> fits nothing")


def check_sound(page: str) -> None:
    """Raises AssertionError that says what is wrong with a page."""
    sound = _Sound()
    sound.feed(page)
    sound.close()
    assert sound.faults == []
    assert sound.open == []
    assert len(set(sound.ids)) == len(sound.ids)
    assert sound.headings.count(1) == 1, sound.headings
    assert sound.headings[0] == 1
    steps = zip(sound.headings, sound.headings[1:], strict=False)
    assert all(after - before <= 1 for before, after in steps), sound.headings
    assert len(page.encode()) <= MOST_BYTES
    assert page.startswith("<!DOCTYPE html>")
