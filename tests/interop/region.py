"""Starts a region of our own as a real process and speaks to it by its commands and by HTTP only.

Of the server it imports the command line alone: what a test sees of it is what a host or a stranger sees.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx
from click.testing import CliRunner

from fedi_cluster.cli import main
from fedi_cluster.kernel.json import Json
from tests.cli.serving import free_port, started

ACTIVITY_JSON = "application/activity+json"
_PASSWORD = "four unrelated words\n"
_BY_THE_CLOCK = ("federation.trim", "cluster.compare")
_PATIENCE = 30.0


@dataclass(frozen=True)
class Published:
    """A post of ours: its ActivityPub id, and the address of its page."""

    uri: str
    page: str


class RegionServer:
    """A founded region; `url` is its base URL without a slash at the end, `file` its settings."""

    def __init__(self, file: Path, url: str) -> None:
        self.file = file
        self.url = url
        self._people = count(1)
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=30)

    def close(self) -> None:
        """Ends the connections of `get`; the process is ended by who started it."""
        self._client.close()

    @property
    def region_uri(self) -> str:
        """Id of the region's Group."""
        return f"{self.url}/actors/region"

    @property
    def editorial_uri(self) -> str:
        """Id of the editorial account of a region in German."""
        return f"{self.url}/actors/redaktion"

    def run(self, *arguments: str, given: str = "") -> str:
        """What a command says on standard output; `AssertionError` with its words where it fails."""
        return command("--config", str(self.file), *arguments, given=given)

    def get(self, path: str, accept: str = ACTIVITY_JSON) -> httpx.Response:
        """The answer to an unsigned GET of a path or a whole address; redirects are not followed."""
        return self._client.get(path, headers={"accept": accept})

    def document(self, uri: str) -> Json:
        """The ActivityStreams document at an id; `AssertionError` where there is none."""
        answer = self.get(uri)
        assert answer.status_code == 200, f"{uri}: {answer.status_code} {answer.text}"
        found: Json = answer.json()
        return found

    def person(self) -> str:
        """A new local person, of whom no server has heard; gives her id."""
        name = f"person{next(self._people)}"
        self.run(
            "user", "add", name, "--email", f"{name}@rostock.example", "--role", "member", given=_PASSWORD
        )
        return f"{self.url}/actors/{name}"

    def post(self, text: str, author: str, *options: str) -> Published:
        """Publishes a text as the local actor with the id `author`."""
        page, uri = self.run("post", text, "--as", name_of(author), *options).split()
        return Published(uri, page)

    def waiting(self) -> list[Json]:
        """The jobs that wait or run at this moment, without those that come again by the clock."""
        jobs: list[Json] = [json.loads(line) for line in self.run("jobs", "list", "--json").splitlines()]
        return [job for job in jobs if job["state"] != "dead" and job["kind"] not in _BY_THE_CLOCK]

    def settle(self) -> None:
        """Waits until no job waits or runs: all that was caused so far is done and sent."""
        until = time.monotonic() + _PATIENCE
        while jobs := self.waiting():
            assert time.monotonic() < until, jobs
            time.sleep(0.05)


def name_of(actor: str) -> str:
    """The name of a local actor by its id."""
    return actor.rpartition("/")[2]


def command(*arguments: str, given: str = "") -> str:
    """Runs `fedi-cluster` in this process, beside a running server, without variables of who runs the tests.

    Ten times faster than a process of its own; those are tried elsewhere.
    """
    ours = {name: None for name in os.environ if name.startswith("FEDI_CLUSTER_")}
    done = CliRunner(env=ours).invoke(main, arguments, input=given)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, f"{arguments}: {done.exit_code} {done.output}"
    return done.stdout


@contextmanager
def running_region(folder: Path, *more: str) -> Iterator[RegionServer]:
    """A region in German on a free loopback port; stopped by its own id at the end. `more` is for `init`."""
    place = f"127.0.0.1:{(port := free_port())}"
    url = f"http://localhost:{port}"
    command(
        "init", "--base-url", url, "--region", "rostock", "--name", "Rostock", "--lang", "de",
        "--private-networks", "127.0.0.0/8,::1/128", "--bind", place, "--data-dir", str(folder), *more,
    )  # fmt: skip
    file = folder / "fedi-cluster.toml"
    with started(file, "serve") as process:
        server = RegionServer(file, url)
        try:
            assert server.get("/health", "*/*").status_code == 200
            yield server
        finally:
            server.close()
            code, logged = process.stop(), file.with_name("errors.txt").read_text("utf-8")
        assert code == 0, logged
        assert " ERROR " not in logged, logged
