"""Commands on a full disk say so in a sentence and leave nothing half-written; then they work again."""

import shutil
from pathlib import Path

from sqlalchemy import func, select

from fedi_cluster.storage.tables.posts import post as post_table
from fedi_cluster.storage.unit import Reader
from tests.cli.conftest import Instance, run
from tests.plugins.disks import SmallDisk

_MOST = 60


def _posts(reader: Reader) -> int:
    return reader.connection.execute(select(func.count()).select_from(post_table)).scalar_one()


def test_a_post_on_a_full_disk(founded: Path, small_disk: SmallDisk, tmp_path: Path) -> None:
    shutil.copytree(founded, small_disk.folder / "szczecin")
    instance = Instance(small_disk.folder / "szczecin")
    settings = instance.file.read_text("utf-8").replace(str(founded), str(instance.folder))
    instance.file.write_text(settings, "utf-8")
    (tmp_path / "long.txt").write_text("słowo " * 800, "utf-8")
    house = instance.house()  # as a server has it open
    try:
        before = house.db.read_now(_posts)
        small_disk.fill()
        taken, said = _until_refused(instance, tmp_path / "long.txt")
        assert said.count("\n") == 1, "one sentence"
        assert "please try again" in said
        assert "the disk of the database is full" in said
        assert house.db.read_now(_posts) == before + taken
        small_disk.free()
        instance.command("post", "Znowu jest miejsce")
        assert house.db.read_now(_posts) == before + taken + 1
    finally:
        house.db.close()


def test_without_room_to_open_it_at_all(founded: Path, small_disk: SmallDisk) -> None:
    if not small_disk.real:
        return  # the limit counts for each file, and the index of the log is a small one
    shutil.copytree(founded, small_disk.folder / "szczecin")
    instance = Instance(small_disk.folder / "szczecin")
    settings = instance.file.read_text("utf-8").replace(str(founded), str(instance.folder))
    instance.file.write_text(settings, "utf-8")
    small_disk.fill()
    assert "the disk of the database is full, or cannot be read or written" in instance.fault("post", "Nic")


def _until_refused(instance: Instance, text: Path) -> tuple[int, str]:
    """How many posts were taken, and what the first refused one said."""
    for taken in range(_MOST):
        result = run("--config", str(instance.file), "post", "--file", str(text))
        if result.exit_code:
            assert result.exit_code == 1
            assert result.stderr.startswith("fedi-cluster: ")
            return taken, result.stderr
    raise AssertionError("the disk was never full")
