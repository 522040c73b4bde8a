"""What the site of `mkdocs.yml` takes from outside of docs/, and the rest of its menu.

Pages link to `../../spec/08-l1.md` as they lie in the repository; on the site spec/ lies beside guides/.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import File, Files

log = get_plugin_logger("site")

ROOT = Path(__file__).resolve().parent.parent
SPEC_LINK = re.compile(r"\]\((?:\.\./)+spec/")
PICTURE = re.compile(r"^!\[[^]]*\]\((?:\.\./)+(images/[^)]+)\)$", re.MULTILINE)
"""A picture that `make screenshots` takes of the page."""

CODE = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
FOLDERS = (("Concepts", "concepts"), ("Rules", "spec"), ("Decisions", "adr"))
"""Parts of the menu that hold every page of a folder, by its name."""


def on_config(config: Any) -> Any:
    """Put every page of concepts/, spec/ and adr/ into the menu."""
    docs = Path(config["docs_dir"])
    for title, folder in FOLDERS:
        home = ROOT / folder if folder == "spec" else docs / folder
        config["nav"].append({title: [f"{folder}/{path.name}" for path in sorted(home.glob("*.md"))]})
    if (docs / "benchmarks.md").exists():
        config["nav"].append({"Figures": "benchmarks.md"})
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages of spec/."""
    for path in sorted((ROOT / "spec").glob("*.md")):
        files.append(File.generated(config, f"spec/{path.name}", content=path.read_text()))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Have links to spec/ lead to its pages on the site."""
    parts = CODE.split(markdown)
    parts[::2] = [part.replace("][", "]\\[") for part in parts[::2]]  # none of our links is [one][like this]
    parts[::2] = [PICTURE.sub(lambda match: keep_picture(match, page, files), part) for part in parts[::2]]
    if page.file.src_uri.startswith("spec/"):
        return "".join(parts)
    return SPEC_LINK.sub("](" + "../" * page.file.src_uri.count("/") + "spec/", "".join(parts))


def keep_picture(match: re.Match[str], page: Any, files: Files) -> str:
    """A picture, or nothing as long as it was not taken: that needs a browser and a running system."""
    if files.get_file_from_path(match[1]) is not None:
        return match[0]
    log.info("%s: no %s yet: make screenshots", page.file.src_uri, match[1])
    return ""
