"""`post`, `follow`, `like`, `boost`: what they store, and that other accounts are found before."""

from pathlib import Path

from fedi_cluster.community.posts import queries
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.kernel.clock import to_wire
from tests.cli.conftest import PASSWORD, Instance

REGION = "https://szczecin.example/actors/region"


def _published(instance: Instance, *arguments: str, given: str = "") -> Post:
    said = instance.command("post", *arguments, given=given).split()
    assert len(said) == 2, "the page, then the id"
    post = _find(instance, said[1])
    assert post.url == said[0]
    return post


def _find(instance: Instance, uri: str) -> Post:
    house = instance.house()
    post = house.db.read_now(queries.by_uri, uri)
    house.db.close()
    assert post is not None
    return post


def test_a_text_is_published_by_the_editorial_account_to_the_region(instance: Instance) -> None:
    post = _published(instance, "Otwarte pracownie w sobotę. #Szczecin")
    assert (post.author.username, post.kind, post.language) == ("redakcja", "note", "pl")
    assert post.audience == REGION
    assert post.announces_count == 1, "the region announces it"
    assert 'class="mention hashtag"' in post.content


def test_all_that_may_be_said(instance: Instance, tmp_path: Path) -> None:
    (tmp_path / "pl.txt").write_text("Pusta hala nad Odrą.\n\nDruga część.", "utf-8")
    (tmp_path / "en.txt").write_text("An empty hall on the Oder.", "utf-8")
    post = _published(
        instance, "new", "--kind", "project", "--title", "Nabrzeże otwarte", "--state", "running",
        "--file", "pl.txt", "--lang", "pl", "--tag", "projekt", "--tag", "#Szczecin",
        "--translation", "en=en.txt", "--title-in", "en=Open Quay", "--published", "2026-03-01",
    )  # fmt: skip
    assert post.title_map == {"pl": "Nabrzeże otwarte", "en": "Open Quay"}
    assert list(post.content_map) == ["pl", "en"]
    assert {tag.name for tag in post.tags} == {"#projekt", "#Szczecin"}
    assert to_wire(post.published_at) == "2026-02-28T23:00:00Z", "midnight in Warsaw"
    assert post.project is not None
    assert post.project.state == "running"


def test_standard_input_and_a_text_that_is_a_command(instance: Instance) -> None:
    assert "z rury" in _published(instance, "-", given="z rury").content
    assert "z rury" in _published(instance, "--file", "-", given="z rury").content
    assert "edit" in _published(instance, "new", "edit").content


def test_only_public_posts_that_answer_nothing_go_to_the_region(instance: Instance) -> None:
    first = _published(instance, "Pierwszy")
    answer = _published(instance, "Odpowiedź", "--reply-to", first.url)
    assert (answer.in_reply_to, answer.audience) == (first.uri, None)
    assert _published(instance, "Cicho", "--visibility", "unlisted").audience is None
    assert _published(instance, "Bez regionu", "--no-region").audience is None


def test_somebody_else_writes(instance: Instance) -> None:
    instance.command("user", "add", "ola", "--email", "o@x.example", "--role", "member", given=PASSWORD)
    assert _published(instance, "Hej @redakcja", "--as", "@ola").author.username == "ola"
    assert "no account" in instance.fault("post", "Hej", "--as", "eva")


def test_a_post_is_edited_and_deleted(instance: Instance) -> None:
    post = _published(instance, "W sobotę. #Szczecin", "--tag", "sztuka")
    said = instance.command("post", "edit", str(post.id), "W niedzielę.").split()
    assert said == [post.url, post.uri]
    edited = _find(instance, post.uri)
    assert "niedzielę" in edited.content
    assert {tag.name for tag in edited.tags} == {"#Szczecin", "#sztuka"}
    assert edited.audience == REGION
    assert post.uri in instance.command("post", "delete", post.url)
    assert _find(instance, post.uri).deleted_at is not None
    assert "no post" in instance.fault("post", "delete", post.uri)
    assert "no post" in instance.fault("post", "edit", post.uri, "noch einmal")


def test_wrong_use_is_told(instance: Instance) -> None:
    for wrong in (
        (),
        ("Text", "--file", "x.txt"),
        ("Text", "--translation", "pl"),
        ("Text", "--title-in", "de=Titel"),
        ("Text", "--state", "done"),
        ("Text", "--kind", "poem"),
    ):
        instance.command("post", *wrong, code=2)
    assert "title" in instance.fault("post", "Text", "--kind", "news")
    assert "cannot be read" in instance.fault("post", "--file", "missing.txt")
    assert "no date" in instance.fault("post", "Text", "--published", "yesterday")
    assert "lies ahead" in instance.fault("post", "Text", "--published", "2999-01-01")
    assert "no language" in instance.fault("post", "Text", "--lang", "po polsku")


def test_an_account_that_cannot_be_found_stays_text(instance: Instance) -> None:
    post = _published(instance, "Hej @eva@nowhere.invalid")
    assert "@eva@nowhere.invalid" in post.content
    assert not post.tags


def test_likes_boosts_and_follows_of_local_accounts(instance: Instance) -> None:
    instance.command("user", "add", "ola", "--email", "o@x.example", "--role", "member", given=PASSWORD)
    post = _published(instance, "Cześć", "--no-region")
    instance.command("like", post.uri, "--as", "ola")
    instance.command("boost", str(post.id), "--as", "ola")
    seen = _find(instance, post.uri)
    assert (seen.likes_count, seen.announces_count) == (1, 1)
    instance.command("like", post.url, "--as", "ola", "--undo")
    instance.command("boost", post.url, "--as", "ola", "--undo")
    seen = _find(instance, post.uri)
    assert (seen.likes_count, seen.announces_count) == (0, 0)
    assert "follows" in instance.command("follow", "ola", "region@szczecin.example")
    assert "Followers          1" in instance.command("region", "show")
    instance.command("unfollow", "ola", REGION)
    assert "Followers          0" in instance.command("region", "show")
    assert "may not follow" in instance.fault("follow", "ola", "ola")
