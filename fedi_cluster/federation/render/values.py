"""The small values inside documents: texts by language, pictures, places, hashtags; no whole document."""

from collections.abc import Iterable, Mapping

from fedi_cluster.community.actors.shapes import Picture, Place
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.json import Json
from fedi_cluster.kernel.languages import own_name
from fedi_cluster.kernel.text import hashtag_key


def stated(members: Json) -> Json:
    """The members without those that have no value: we publish no null (golden rule 4)."""
    return {name: value for name, value in members.items() if value is not None}


def by_language(texts: Mapping[str, str], language: str | None, original: str | None) -> Json | None:
    """The texts by BCP 47 tag, the original first, because others take the first key as the language.

    A storage that sorts keys must not change what we publish, so the order is made here. Where `texts` is
    empty the `original` alone, in its language; None where there is nothing to say.
    """
    if not texts:
        return {language: original} if language and original else None
    first = [language] if language is not None and language in texts else []
    return {tag: texts[tag] for tag in (*first, *(tag for tag in texts if tag != language))}


def language_of(tag: str) -> Json:
    """A language as Lemmy reads it: tag and own name."""
    return {"identifier": tag, "name": own_name(tag)}


def image(picture: Picture | None) -> Json | None:
    """A picture with its alternative text; one object, since several servers take no list here."""
    if picture is None:
        return None
    return stated(
        {
            "type": "Image",
            "mediaType": picture.media_type or None,
            "url": picture.url,
            "name": picture.alt or None,
        }
    )


def place(where: Place | None) -> Json | None:
    """A point by its name, and where known latitude and longitude in degrees (WGS 84)."""
    if where is None:
        return None
    return stated(
        {
            "type": "Place",
            "name": where.name,
            "latitude": _degrees(where.latitude),
            "longitude": _degrees(where.longitude),
        }
    )


def _degrees(value: float | None) -> float | None:
    """Never integral (golden rule 9): a reader with two kinds of numbers wants fractions; 0.1 m off."""
    if value is None or not float(value).is_integer():
        return value
    return value - 0.000001 if value > 0 else value + 0.000001


def hashtags(at: Addresses, names: Iterable[str]) -> list[Json]:
    """Hashtags with their pages here; `names` with or without #."""
    return [
        {"type": "Hashtag", "name": f"#{name.lstrip('#')}", "href": at.tag(hashtag_key(name))}
        for name in names
    ]
