"""One writer for a database; one of another version is begun anew if it is the system's own."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from miletus.cli.config import Config
from miletus.cli.folder import Folder
from miletus.cli.roles.indexer import DATABASE, open_own
from miletus.indexer.database import open_database
from miletus.indexer.errors import IndexerError, OtherVersion
from miletus.indexer.writing import hold
from tests.indexer.conftest import MakeAddress


def test_a_second_writer_is_refused_until_the_first_has_gone(make_address: MakeAddress) -> None:
    address = make_address()
    one, two = open_database(address), open_database(address)
    first = hold(one)
    with pytest.raises(IndexerError, match="another indexer writes there"):
        hold(two)
    first.close()
    one.close()
    hold(two).close()
    two.close()


class Site:
    """As much of a system's site as is asked for."""

    def __init__(self, path: Path) -> None:
        self.folder = Folder(path)
        self.config = Config()


def make_old(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT)")
    connection.execute("INSERT INTO facts VALUES ('version', '0')")
    connection.commit()
    connection.close()


def test_a_system_s_own_history_of_another_version_is_begun_anew(tmp_path: Path) -> None:
    site: Any = Site(tmp_path)
    path = site.folder.subfolder("market") / DATABASE
    make_old(path)
    with pytest.raises(OtherVersion, match="give another database"):
        open_database(path)
    open_own(site).close()
    open_database(path).close()
    path.unlink()
    make_old(path)
    held = hold(open_own(site))
    make_old(tmp_path / "other")
    (tmp_path / "other").replace(path)  # somebody is at work on it: it is left alone
    with pytest.raises(IndexerError, match="another indexer writes there"):
        open_own(site)
    assert path.exists()
    held.close()
