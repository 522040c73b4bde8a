"""Every command of the guides, run as it is written there, on a system that the guide's own `up` starts."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from miletus.cli.config import load_config
from tests.cli.running import COMMAND, Running, up
from tests.house.repository import ROOT

GUIDES = ROOT / "docs" / "guides"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
SETTINGS = re.compile(r"^```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILL = re.compile(r"^miletus audit (\S+) traces it", re.MULTILINE)
SECONDS = 180.0

REFUSED = {
    "miletus exit": "the rollup is not frozen and can't be now",
    "miletus backup system.tar.gz": "stop the system, then make the backup",
    "miletus restore system.tar.gz --folder elsewhere": "no such file",
}
"""What is refused as long as all is well, and how; test_prove.py and test_backup.py go all the way."""


def get_commands(text: str) -> list[str]:
    """Lines of a guide's blocks, without their comments."""
    lines = [line for block in BLOCK.findall(text) for line in block.splitlines()]
    return [command for line in lines if (command := re.sub(r"(^|\s+)#.*", "", line).strip())]


@dataclass
class Reader:
    """Somebody at a terminal who types what a guide says, with values of their own where it has none."""

    place: Path
    running: Running
    fill: str = ""
    typed: list[str] = field(default_factory=list)

    def type(self, command: str) -> str:
        """Type a command, again until it works: what goes by L1 takes some seconds. Its output."""
        end = time.monotonic() + SECONDS
        while True:
            done = self.run(command)
            if done.returncode == 0:
                break
            assert done.stderr.count("\n") == 1, done.stderr
            assert time.monotonic() < end, (command, done.stderr)
            time.sleep(1)
        self.typed.append(command)
        match = FILL.search(done.stdout)
        self.fill = match[1] if match is not None else self.fill
        if "--json" in command:
            for document in done.stdout.splitlines() if "watchtower" in command else [done.stdout]:
                json.loads(document)
        return done.stdout

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        words = [self.fill_in(word) for word in shlex.split(command)]
        if words[0] == "miletus":
            words = [*COMMAND, *words[1:]]
        line = shlex.join(words) if ">" not in words else command
        return subprocess.run(
            line,
            shell=True,
            cwd=self.place,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
            env={**os.environ, "COLUMNS": "200"},
        )

    def fill_in(self, word: str) -> str:
        folder = self.running.folder
        if word == "OPTION":
            listed = self.running.do("instruments", "BTC").json
            return str(next(each["name"] for each in listed if each["type"] == 0))
        if word == "FILL":
            assert self.fill
            return self.fill
        if word == "BATCH":
            return str(self.running.do("status").json["batches_on_l1"])
        if word == "RPC":
            return str(json.loads((folder / "system.json").read_text())["l1_url"])
        if word == "ROLLUP":
            return str(json.loads((folder / "deployment.json").read_text())["rollup"])
        return word


def read(name: str) -> str:
    return (GUIDES / name).read_text()


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A reader who has a system running, set up as the guide to operating it says."""
    place = tmp_path_factory.mktemp("guides")
    settings = SETTINGS.findall(read("operate.md"))
    (place / "miletus.toml").write_text("\n".join(settings))
    with up(place / ".miletus" / "system", "--config", str(place / "miletus.toml")) as running:
        yield Reader(place, running)


def test_every_field_of_the_operating_guide_exists(tmp_path: Path) -> None:
    (settings,) = SETTINGS.findall(read("operate.md"))
    path = tmp_path / "miletus.toml"
    path.write_text(settings)
    config = load_config(path)
    assert config.rollup.window_s == tomllib.loads(settings)["rollup"]["window_s"]


# in the order of a first day: a fill is made before it is traced
@pytest.mark.parametrize("name", ["start.md", "trade.md", "watch.md", "operate.md", "leave.md"])
def test_every_command_of_a_guide_works_as_it_is_written(reader: Reader, name: str) -> None:
    commands = get_commands(read(name))
    own = [command for command in commands if command.split()[0] in ("miletus", "openssl")]
    others = [command for command in commands if command not in own]
    assert all(command.startswith(("make ", ". .venv/bin/activate")) for command in others)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {command.split()[1] for command in others if command.startswith("make ")} <= targets
    for command in own:
        if command in REFUSED:
            done = reader.run(command)
            assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
            assert REFUSED[command] in done.stderr
        elif not command.startswith("miletus up"):
            reader.type(command)
    assert own


def test_guides_start_a_system_with_options_that_exist() -> None:
    starts = [
        command
        for path in GUIDES.glob("*.md")
        for command in get_commands(path.read_text())
        if command.startswith("miletus up")
    ]
    assert len(starts) >= 2
    for command in starts:
        done = subprocess.run(
            [sys.executable, "-m", "miletus.cli", *shlex.split(command)[1:], "--help"],
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, command


def test_every_guide_is_run_and_every_link_leads_somewhere() -> None:
    names = {path.name for path in GUIDES.glob("*.md")}
    run_here = {"start.md", "trade.md", "watch.md", "operate.md", "leave.md"}
    # by client/test_documents.py, test_prove_guide.py and tests/page
    elsewhere = {"maker.md", "research.md", "prove.md", "page.md"}
    assert run_here | elsewhere == names
    for path in GUIDES.glob("*.md"):
        for link in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
            taken = link.startswith("../images/")  # by make screenshots, which needs a browser
            assert taken or (path.parent / link).exists(), (path.name, link)


def test_commands_are_read_without_their_comments() -> None:
    text = "x\n```sh\na b   # why\n# only a comment\nc --d 'e'\n```\n```toml\n[no]\n```\n```sh\nf\n```\n"
    assert get_commands(text) == ["a b", "c --d 'e'", "f"]
