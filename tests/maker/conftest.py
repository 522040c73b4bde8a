from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.serving import Serving


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    serving = Serving(tmp_path)
    yield serving
    serving.close()
