"""Static files have addresses with their hash; the sheet stays small and asks nobody else."""

import re

from fedi_cluster.web.static_files import static_file, static_url, versioned


def test_the_address_changes_with_the_content() -> None:
    assert versioned("style.css", b"a") != versioned("style.css", b"b")
    assert re.fullmatch(r"/static/fonts/x\.[0-9a-f]{12}\.woff2", versioned("fonts/x.woff2", b"a"))


def test_every_file_is_found_by_its_address_only() -> None:
    for name, media_type in (
        ("style.css", "text/css; charset=utf-8"),
        ("map.svg", "image/svg+xml"),
        ("icon.svg", "image/svg+xml"),
        ("fonts/brygada-1918-latin.woff2", "font/woff2"),
        ("fonts/brygada-1918-latin-ext.woff2", "font/woff2"),
    ):
        file = static_file(static_url(name))
        assert file is not None
        assert file.media_type == media_type
        assert file.body
    assert static_file("/static/style.css") is None
    assert static_file("/static/../settings.py") is None
    assert static_file("/static/style.000000000000.css") is None


def test_the_sheet_is_small_and_its_addresses_are_ours() -> None:
    sheet = static_file(static_url("style.css"))
    assert sheet is not None
    text = sheet.body.decode()
    assert len(sheet.body) <= 20 * 1024
    assert "@import" not in text
    assert "http" not in text
    urls = re.findall(r"url\(([^)]+)\)", text)
    assert len(urls) == 2
    assert all(static_file(url) for url in urls)


def test_every_region_with_a_look_has_its_colours() -> None:
    from fedi_cluster.http.frame import REGIONS_WITH_LOOK

    sheet = static_file(static_url("style.css"))
    picture = static_file(static_url("map.svg"))
    assert sheet is not None
    assert picture is not None
    for slug in REGIONS_WITH_LOOK:
        assert f".r-{slug}{{--a:".encode() in sheet.body
        assert f'<view id="{slug}"'.encode() in picture.body
