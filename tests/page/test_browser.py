"""The page in Debian's Chromium, before a whole system; what happens there stands in web/tests."""

from collections.abc import Iterator

import pytest

from tests.page.running import Stage, find_obstacle, stage

OBSTACLE = find_obstacle()

pytestmark = pytest.mark.skipif(bool(OBSTACLE), reason=OBSTACLE or "-")


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("page")) as opened:
        yield opened


@pytest.mark.rule("08-R09", "08-R10", "09-R03")
def test_a_stranger_deposits_buys_a_spread_and_takes_money_out_when_it_is_final(system: Stage) -> None:
    system.run("story")


@pytest.mark.long
def test_every_view_on_desk_and_phone_in_dark_and_light(system: Stage) -> None:
    system.run("views", seconds=1_800)


def test_a_failing_story_is_noticed(system: Stage) -> None:
    """The harness itself: a browser that meets no gateway fails, and says so."""
    with pytest.raises(AssertionError, match=r"ERR_CONNECTION_REFUSED|ERR_UNSAFE_PORT"):
        system.run("story", "-g", "the chain is there at once", MILETUS_PAGE_URL="http://127.0.0.1:9")
