"""The site builds strictly, is whole and fetches nothing; generated pages are what the code says."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import generate_reference
import pytest

from miletus.client import AsyncExchange, Exchange
from tests.house.repository import ROOT

FETCHED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}
"""Tags that a browser fetches by itself, and where they say what."""


class Links(HTMLParser):
    """What a page links to, and what it has fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if "id" in values:
            self.anchors.add(values["id"])
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag in FETCHED and FETCHED[tag] in values and values.get("rel") != "canonical":
            self.fetched.append(values[FETCHED[tag]])


def read(path: Path) -> Links:
    links = Links()
    links.feed(path.read_text())
    return links


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_every_link_leads_to_a_page_and_a_place_in_it(site: Path) -> None:
    pages = {path.resolve(): read(path) for path in site.rglob("*.html")}
    assert len(pages) > 30
    broken = []
    for path, page in pages.items():
        if path.name == "404.html":
            continue
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            known = pages.get(target)
            misplaced = known is not None and parts.fragment and unquote(parts.fragment) not in known.anchors
            if misplaced or (known is None and not target.exists()):
                broken.append(f"{path.name}: {link}")
    assert broken == []


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    for path in site.rglob("*.html"):
        page = read(path)
        assert [each for each in page.fetched if urlsplit(each).netloc] == [], path.name
        assert 'class="mermaid"' not in path.read_text()  # its renderer would come from elsewhere
    styles = "".join(path.read_text() for path in site.rglob("*.css"))
    assert re.findall(r"url\(\s*[\"']?https?://", styles) == []
    assert "@import" not in styles


def test_the_sdk_page_has_every_method(site: Path) -> None:
    page = read(site / "reference" / "client.html")
    methods = [name for name in dir(AsyncExchange) if not name.startswith("_")]
    anchors = " ".join(page.anchors)
    assert [name for name in methods if f".{name} " not in anchors + " "] == []
    public = {name for name in dir(Exchange) if not name.startswith("_")}
    assert public >= {name for name in methods if callable(getattr(AsyncExchange, name))} - {"line"}


def test_generated_pages_are_what_the_code_says() -> None:
    assert generate_reference.find_stale() == [], "write them anew: make reference"


def test_a_page_that_is_stale_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, render in generate_reference.PAGES.items():
        (tmp_path / name).write_text(render())
    monkeypatch.setattr(generate_reference, "FOLDER", tmp_path)
    assert generate_reference.find_stale() == []
    (tmp_path / "cli.md").write_text((tmp_path / "cli.md").read_text().replace("miletus up", "miletus down"))
    (tmp_path / "config.md").unlink()
    assert generate_reference.find_stale() == ["cli.md", "config.md"]
