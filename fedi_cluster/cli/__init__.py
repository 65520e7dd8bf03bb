"""The command `fedi-cluster`: finds the file of each noun when it is named, and loads no other."""

import importlib
import importlib.util
from collections.abc import Mapping

import click

from fedi_cluster import __version__
from fedi_cluster.cli.common import Tolerant, config_option

# Command -> "module:object". A file is loaded when its command runs, or for the list of all.
COMMANDS: Mapping[str, str] = {
    "init": "init:init",
    "serve": "serve:serve",
    "work": "work:work",
    "migrate": "migrate:migrate",
    "user": "user:user",
    "post": "post:post",
    "follow": "relate:follow",
    "unfollow": "relate:unfollow",
    "like": "react:like",
    "boost": "react:boost",
    "region": "region:region",
    "cluster": "cluster:cluster",
    "jobs": "jobs:jobs",
    "deliveries": "deliveries:deliveries",
    "inbox": "inbox:inbox",
    "backup": "backup:backup",
    "restore": "restore:restore",
    "doctor": "doctor:doctor",
    "demo": "demo:demo",
}


class _ByName(Tolerant):
    """A group whose commands are imported by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which a host needs them."""
        return [name for name, place in COMMANDS.items() if _exists(place)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Loads the one file that has the command."""
        place = COMMANDS.get(cmd_name)
        if place is None or not _exists(place):
            return None
        module, _, name = place.partition(":")
        found = getattr(importlib.import_module(f"fedi_cluster.cli.{module}"), name)
        assert isinstance(found, click.Command)
        return found


def _exists(place: str) -> bool:
    return importlib.util.find_spec(f"fedi_cluster.cli.{place.partition(':')[0]}") is not None


@click.group(cls=_ByName, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="fedi-cluster")
@config_option
def main() -> None:
    """Host a region of a federated cluster.

    \b
    A first instance:
      fedi-cluster init                     asks for what it needs
      fedi-cluster --config DIR/fedi-cluster.toml serve
      fedi-cluster --config DIR/fedi-cluster.toml user add ola --email ola@szczecin.example --role host

    Settings come from --config FILE, else from the file that the variable FEDI_CLUSTER_CONFIG names, else
    from ./fedi-cluster.toml. Variables such as FEDI_CLUSTER_BIND win over the file.

    Commands work on the database directly, also while a server runs. They end with 0 when done, 1 when it
    could not be done, 2 when the command itself was wrong.
    """


__all__ = ["COMMANDS", "main"]
