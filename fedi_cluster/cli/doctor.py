"""`doctor`: says in plain words what is wrong and what to do; it repairs nothing."""

import json

import click

from fedi_cluster.cli.common import asynchronous, config_file, config_option
from fedi_cluster.cli.findings import Finding, Grade

_SIGNS = {Grade.FINE: "ok   ", Grade.MIND: "mind ", Grade.WRONG: "WRONG"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As one JSON list.")
@config_option
@asynchronous
async def doctor(as_json: bool) -> None:
    """Examine this instance: settings, database, disk, clock, its own address, names, sisters, queue.

    Run it where the server runs, while it runs. Ends with 1 where something is wrong; what it marks “mind”
    works, but is worth a look.

    \b
    Example:
      fedi-cluster doctor
    """
    from fedi_cluster.cli.examination import examine

    found = await examine(config_file())
    if as_json:
        rows = [{"grade": one.grade.value, "what": one.what, "do": one.advice} for one in found]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        _print(found)
    if any(one.grade is Grade.WRONG for one in found):
        click.get_current_context().exit(1)


def _print(found: list[Finding]) -> None:
    for one in found:
        click.echo(f"{_SIGNS[one.grade]}  {one.what}")
        if one.advice:
            click.echo(f"       -> {one.advice}")
    wrong = sum(one.grade is Grade.WRONG for one in found)
    mind = sum(one.grade is Grade.MIND for one in found)
    click.echo(f"{wrong} wrong, {mind} to mind, {len(found) - wrong - mind} fine.")
