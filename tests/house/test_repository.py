"""What the repository promises: no trace of the machine it came from, commands that exist, pins that hold."""

import os
import re
import tomllib
import warnings
from importlib.metadata import distribution
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.repository import ROOT, get_files, get_text

MACHINE_PATH = re.compile(r"(?<![\w.\-/])/(?:work|farm|root|home/\w+)/[A-Za-z.]")
REGISTRY_HOSTS = {
    ".".join(parts)
    for parts in [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("proxy", "golang", "org"),
        ("sum", "golang", "org"),
        ("deb", "debian", "org"),
    ]
}
"""Where packages come from is the business of each machine's own settings."""

LONG_FILE_LINES = 400
COPYLEFT = re.compile(r"\b[AL]?GPL|General Public|\bMPL|Mozilla Public|\bEUPL|\bCDDL|\bEPL", re.IGNORECASE)
COPYLEFT_ACCEPTED = {"certifi": "MPL-2.0 holds for its own file, a list of certificates that we only read"}


def get_configured_hosts() -> set[str]:
    """Read the hosts of the registries that this machine is set to, so that a mirror can't slip in either."""
    names = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_INDEX_URL", "GOPROXY", "NPM_CONFIG_REGISTRY")
    values = [value for name in names for value in re.split(r"[\s,|]+", os.environ.get(name, ""))]
    hosts = {urlsplit(value).hostname for value in values if "://" in value}
    return {host for host in hosts if host is not None and host != "localhost"}


def find_traces(text: str, hosts: set[str]) -> list[str]:
    """Find paths of a machine and hosts of registries in a text."""
    lines = text.splitlines()
    return [
        f"{number}: {line.strip()[:100]}"
        for number, line in enumerate(lines, 1)
        if MACHINE_PATH.search(line) or any(host in line for host in hosts)
    ]


def test_no_file_holds_a_path_of_a_machine_or_the_host_of_a_registry() -> None:
    hosts = REGISTRY_HOSTS | get_configured_hosts()
    texts = ((path, get_text(path)) for path in get_files())
    traces = [
        f"{path.relative_to(ROOT)}:{trace}"
        for path, text in texts
        if text is not None
        for trace in find_traces(text, hosts)
    ]
    assert traces == []


@pytest.mark.parametrize(
    "parts",
    [
        ("x = '/", "work/main'"),
        ("see /", "root/.cache"),
        ("in /", "home/ann/x"),
        ("https://", "pypi", ".org/x"),
    ],
)
def test_a_trace_of_a_machine_is_reported(parts: tuple[str, ...]) -> None:
    assert len(find_traces("fine\n" + "".join(parts), REGISTRY_HOSTS)) == 1


def test_a_path_inside_the_repository_is_no_trace() -> None:
    assert find_traces("src/work/main.py, ./root/x, https://example.com/work/main", REGISTRY_HOSTS) == []


def get_make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md", "STYLE.md"])
def test_every_make_command_of_a_page_exists(name: str) -> None:
    commands = set(re.findall(r"(?:`|^)make ([a-z-]+)", (ROOT / name).read_text(), re.MULTILINE))
    assert commands - get_make_targets() == set()
    if name == "README.md":
        assert {"demo", "test"} <= commands


def test_every_target_of_the_makefile_is_phony_or_a_file() -> None:
    text = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY:((?:.*\\\n)*.*)", text, re.MULTILINE)
    assert phony is not None
    assert get_make_targets() == set(phony[1].replace("\\", " ").split())


def get_pins() -> dict[str, str]:
    """Read the lock: for each distribution, its requirement and all its hashes as one text."""
    blocks = re.split(r"\n(?=[a-z0-9])", (ROOT / "requirements.lock").read_text())
    named = (block for block in blocks if re.match(r"[a-z0-9]", block))
    return {re.split(r"[=\[]", block)[0]: block for block in named}


def test_every_python_dependency_is_pinned_with_its_hashes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = get_pins()
    for text in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        requirement = Requirement(text)
        pin = pins[canonicalize_name(requirement.name)]
        version = re.match(r"[^=]+==([^\s;]+)", pin)
        assert version is not None, text
        assert requirement.specifier.contains(version[1], prereleases=True), text
    assert [name for name, block in pins.items() if "--hash=sha256:" not in block] == []


def get_runtime_distributions() -> set[str]:
    """Follow what `miletus` requires without its extras, down to the last."""
    found: set[str] = set()
    waiting = ["miletus"]
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found:
            continue
        found.add(name)
        for text in distribution(name).requires or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return found


def get_licence(name: str) -> str:
    """What a distribution states of its licence; where it states nothing, the text of its licence files."""
    metadata = distribution(name).metadata
    classifiers = [text for text in metadata.get_all("Classifier", []) if text.startswith("License")]
    stated = metadata.get("License-Expression") or metadata.get("License") or ""
    if stated or classifiers:
        return " | ".join([stated.split("\n")[0], *classifiers])
    files = [path for path in distribution(name).files or [] if "LICEN" in path.name.upper()]
    return " ".join(path.read_text() for path in files)


def test_no_licence_at_run_time_is_copyleft() -> None:
    names = get_runtime_distributions()
    assert {"numpy", "httpx", "certifi"} <= names
    licences = {name: get_licence(name) for name in names}
    assert {name for name, licence in licences.items() if not licence.strip(" |")} == set()
    assert {name for name, licence in licences.items() if COPYLEFT.search(licence)} == set(COPYLEFT_ACCEPTED)


def test_long_files_are_listed() -> None:
    long = find_long_files(get_files(), LONG_FILE_LINES)
    if long:
        warnings.warn("past 400 lines, which two ideas does each hold? " + ", ".join(long), stacklevel=1)


def find_long_files(paths: list[Path], most: int) -> list[str]:
    """Find the files of code that are longer than `most` lines; what is generated (`_gen`) may be."""
    suffixes = {".py", ".go", ".vy", ".ts", ".tsx"}
    code = [path for path in paths if path.suffix in suffixes and not path.stem.endswith("_gen")]
    lengths = {path: len(path.read_text().splitlines()) for path in code}
    return [f"{path.name} ({length})" for path, length in lengths.items() if length > most]


def test_a_long_file_is_found(tmp_path: Path) -> None:
    path = tmp_path / "long.py"
    path.write_text("\n" * 401)
    assert find_long_files([path], 400) == ["long.py (401)"]
    path.write_text("\n" * 400)
    assert find_long_files([path], 400) == []
