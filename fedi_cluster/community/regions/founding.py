"""Founds an instance: its identity, the actor that speaks for it, the region, and the office that writes.

It makes no keys (that takes too long for a transaction) and changes nothing that was founded before.
"""

import html
from collections.abc import Mapping
from dataclasses import dataclass

from fedi_cluster.community.actors import actions as actor_actions
from fedi_cluster.community.actors.actions import NewActor
from fedi_cluster.community.actors.rules import INSTANCE_ACTOR, REGION
from fedi_cluster.community.actors.shapes import Actor, Key, OwnKeys
from fedi_cluster.community.instances import actions as instance_actions
from fedi_cluster.community.instances import queries as instance_queries
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.clock import to_wire
from fedi_cluster.kernel.errors import ClusterError, NotFound
from fedi_cluster.settings import Settings
from fedi_cluster.storage.unit import Reader, Unit

EDITORIAL_NAMES = {
    "en": "editorial",
    "pl": "redakcja",
    "de": "redaktion",
    "lt": "redakcija",
    "sv": "redaktionen",
}
"""The name of the editorial account by the language of the instance, where its host chooses no other."""

EDITORIAL = "Editorial"
"""The `kind` of the editorial account (golden `actor-editorial`)."""

# Golden actor-instance, actor-region and actor-editorial; {} is the region's name.
_INSTANCE = {
    "en": "Technical account of this instance.",
    "pl": "Konto techniczne tej instancji.",
    "de": "Technisches Konto dieser Instanz.",
    "lt": "Techninė šio serverio paskyra.",
    "sv": "Tekniskt konto för den här instansen.",
}
_REGION = {
    "en": "News, projects and advice from the region {}. The region passes on the posts of its members.",
    "pl": "Nowości, projekty i porady: region {}. Region podaje dalej wpisy swoich członków.",
    "de": "Neues, Projekte und Rat aus der Region {}. Die Region gibt Beiträge ihrer Mitglieder weiter.",
    "lt": "Regiono „{}“ naujienos, projektai ir patarimai. Regionas persiunčia savo narių įrašus.",
    "sv": "Nyheter, projekt och råd från regionen {}. Regionen delar vidare sina medlemmars inlägg.",
}
_OFFICE = {
    "en": "Editorial office {}",
    "pl": "Redakcja {}",
    "de": "Redaktion {}",
    "lt": "Redakcija {}",
    "sv": "Redaktionen {}",
}
_OFFICE_SUMMARY = {
    "en": "Account of the region's office: news and invitations.",
    "pl": "Konto redakcji regionu: wiadomości i zaproszenia.",
    "de": "Konto der Redaktion der Region: Neues und Einladungen.",
    "lt": "Regiono redakcijos paskyra: naujienos ir kvietimai.",
    "sv": "Regionredaktionens konto: nyheter och inbjudningar.",
}


@dataclass(frozen=True, slots=True)
class KeyPair:
    """The keys of an actor to be: the private ones, and the public ones as they will be published."""

    own: OwnKeys
    public: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Founding:
    """An instance to be.

    `region` is the slug, `region_name` what people read, `language` one of the five of the pages;
    `description` is a sentence in that language (empty: a default one). `editorial` is the name of the
    editorial account. The keys fit the ids `/actor`, `/actors/region` and `/actors/EDITORIAL`.
    """

    region: str
    region_name: str
    language: str
    editorial: str
    instance_keys: KeyPair
    region_keys: KeyPair
    editorial_keys: KeyPair
    description: str = ""


@dataclass(frozen=True, slots=True)
class Founded:
    """The three first actors of an instance."""

    instance: Actor
    region: Actor
    editorial: Actor


def found(unit: Unit, at: Addresses, command: Founding) -> Founded:
    """Makes an empty database an instance; it is done once, and what it writes can never change.

    Raises `Conflict` where the database belongs to an instance already, `Invalid` where the name of the
    editorial account may not be taken.
    """
    instance_actions.remember_identity(
        unit,
        {
            "base_url": at.base,
            "handle_domain": at.handle_domain,
            "region": command.region,
            "editorial": command.editorial,
            "founded_at": to_wire(unit.now),
        },
    )
    return Founded(
        instance=actor_actions.create(unit, at, _instance_actor(at, command)),
        region=actor_actions.create(unit, at, _region(at, command)),
        editorial=actor_actions.create(unit, at, _editorial(command)),
    )


def check_identity(reader: Reader, settings: Settings) -> None:
    """Raises one clear sentence where the settings name another instance than the database belongs to.

    `NotFound` where it belongs to none yet, `ClusterError` where base URL, handle domain or region differ:
    every id that others keep begins with them, so a change would cut all ties without a word.
    """
    founded = instance_queries.identity_of(reader)
    if not founded:
        raise NotFound("This instance is not founded yet; run “fedi-cluster init”.")
    for name in ("base_url", "handle_domain", "region"):
        now = getattr(settings, name)
        if founded.get(name) != now:
            raise ClusterError(
                f"The settings say {name} = “{now}”, but this instance was founded as “{founded.get(name)}” "
                "and that can never change: set it back, or found a new instance with its own database."
            )


def _instance_actor(at: Addresses, command: Founding) -> NewActor:
    summaries = _paragraphs(_ordered(_INSTANCE, command.language))
    return NewActor(
        name=INSTANCE_ACTOR,
        type="Application",
        display_name=at.host,
        own=command.instance_keys.own,
        public=command.instance_keys.public,
        name_map={command.language: at.host},
        summary=summaries[command.language],
        summary_map=summaries,
        language=command.language,
        url=f"{at.base}/about",
        discoverable=False,
        founding=True,
    )


def _region(at: Addresses, command: Founding) -> NewActor:
    said = {command.language: command.description} if command.description else _REGION
    summaries = _paragraphs(_ordered(said, command.language), command.region_name)
    return NewActor(
        name=REGION,
        type="Group",
        kind="Region",
        display_name=command.region_name,
        own=command.region_keys.own,
        public=command.region_keys.public,
        name_map={command.language: command.region_name},
        summary=summaries[command.language],
        summary_map=summaries,
        language=command.language,
        url=at.region_page(command.region),
        founding=True,
    )


def _editorial(command: Founding) -> NewActor:
    names = {
        tag: text.format(command.region_name) for tag, text in _ordered(_OFFICE, command.language).items()
    }
    summaries = _paragraphs(_ordered(_OFFICE_SUMMARY, command.language))
    return NewActor(
        name=command.editorial,
        type="Organization",
        kind=EDITORIAL,
        display_name=names[command.language],
        own=command.editorial_keys.own,
        public=command.editorial_keys.public,
        name_map=names,
        summary=summaries[command.language],
        summary_map=summaries,
        language=command.language,
    )


def _ordered(texts: Mapping[str, str], first: str) -> dict[str, str]:
    """The same texts, the instance's own language first: others take the first key as the language."""
    return {first: texts[first], **texts}


def _paragraphs(texts: Mapping[str, str], region_name: str | None = None) -> dict[str, str]:
    """Plain sentences as HTML; with a name, in the place that waits for it."""
    filled = {
        tag: text if region_name is None else text.replace("{}", region_name) for tag, text in texts.items()
    }
    return {tag: f"<p>{html.escape(text, quote=False)}</p>" for tag, text in filled.items()}
