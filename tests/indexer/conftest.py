"""Databases of both kinds: each test that asks for one runs on SQLite and on a PostgreSQL of its own."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from miletus.indexer.database import Database, open_database
from miletus.settlement.anvil import Anvil, AnvilControl
from miletus.settlement.node import L1Node
from tests.indexer.postgres import find_binaries, run_server

KINDS = ("sqlite", "postgresql")
NUMBERS = itertools.count(1)

MakeAddress = Callable[[], str]
"""Gives the address of a database that is new."""


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed: make setup, or apt-get install postgresql")
    with run_server(binaries) as address:
        yield address


@pytest.fixture(params=KINDS)
def make_address(request: pytest.FixtureRequest, tmp_path: Path) -> MakeAddress:
    if request.param == "sqlite":
        return lambda: str(tmp_path / f"history-{next(NUMBERS)}.sqlite")
    address: str = request.getfixturevalue("server")

    def make() -> str:
        name = f"history_{next(NUMBERS)}"
        engine = create_engine(address.replace("postgresql://", "postgresql+pg8000://"))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return address.rpartition("/")[0] + "/" + name

    return make


@pytest.fixture
def database(make_address: MakeAddress) -> Iterator[Database]:
    database = open_database(make_address())
    yield database
    database.close()


@pytest.fixture(scope="session")
def anvil() -> Iterator[Anvil]:
    with Anvil(arguments=("--prune-history", "100000")) as process:
        yield process


@pytest.fixture
def control(anvil: Anvil) -> Iterator[AnvilControl]:
    control = anvil.control()
    name = control.snapshot()
    yield control
    control.set_automine(True)
    control.drop_transactions()
    control.revert(name)
    control.set_next_base_fee(10**9)


@pytest.fixture
def node(anvil: Anvil, control: AnvilControl) -> Iterator[L1Node]:
    client = anvil.connect(timeout_seconds=20.0)
    yield client
    client.close()
