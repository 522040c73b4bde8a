"""The log: what was synced is there after any crash, and damage is told, not cut."""

import errno
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miletus.sequencer.errors import LogDamaged, LogError, LogFull
from miletus.sequencer.frames import (
    FILE_HEADER_BYTES,
    FRAME,
    MAX_FRAME_BYTES,
    MAX_GROUP_WORDS,
    Group,
    Item,
    decode_group,
    encode_group,
)
from miletus.sequencer.log import Log, get_files

IDENTITY = bytes(range(32))
FILE_BYTES = FILE_HEADER_BYTES + 2 * MAX_FRAME_BYTES


def make_group(first: int, seed: int, items: int = 3) -> Group:
    sizes = [1 + (seed + k) % 5 for k in range(items)]
    texts = [bytes([seed % 251 + 1]) * (31 * size) for size in sizes]
    return Group(
        first,
        1_700_000_000_000 + seed,
        bytes([seed % 256]) * 32,
        [Item(k % 4, text) for k, text in enumerate(texts)],
    )


def write_groups(directory: Path, count: int, items: int = 3) -> list[Group]:
    log = Log(directory, IDENTITY, epoch=1, file_bytes=FILE_BYTES)
    groups = []
    for seed in range(count):
        groups.append(make_group(log.next_number, seed, items))
        log.append(groups[-1])
        log.sync()
    log.close()
    return groups


def open_log(directory: Path) -> Log:
    return Log(directory, IDENTITY, epoch=1, file_bytes=FILE_BYTES)


def read_all(directory: Path, first: int = 1) -> list[Group]:
    log = open_log(directory)
    try:
        return list(log.get_groups(first))
    finally:
        log.close()


def forget_mark(directory: Path) -> None:
    """As after a crash of the machine, when the note beside the log never reached the disk."""
    (directory / "mark").unlink()


@pytest.mark.rule("09-R02", "09-R04")
def test_what_was_synced_is_read_back_over_many_files(tmp_path: Path) -> None:
    groups = write_groups(tmp_path, 40, items=300)
    assert len(get_files(tmp_path)) > 3
    assert read_all(tmp_path) == groups
    middle = groups[17].first_number + 1  # a number inside a group gives the whole group
    assert read_all(tmp_path, middle) == groups[17:]
    assert read_all(tmp_path, groups[-1].end_number) == []


@pytest.mark.rule("09-R01")
def test_numbers_have_no_gap(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    log.append(make_group(1, 1))
    for wrong in (1, log.next_number - 1, log.next_number + 1):
        with pytest.raises(LogError, match=f"group {wrong} where {log.next_number} is due"):
            log.append(make_group(wrong, 2))
    log.close()


@pytest.mark.rule("09-R04")
def test_a_tail_torn_anywhere_is_cut_and_the_log_goes_on(tmp_path: Path) -> None:
    groups = write_groups(tmp_path, 3)
    (path,) = get_files(tmp_path)
    raw = path.read_bytes()
    begin = raw.rstrip(b"\0")[: raw.rfind(encode_body(groups[2]))].rfind(b"") - FRAME.size
    end = len(raw.rstrip(b"\0"))
    for cut in range(begin + 1, end):
        forget_mark(tmp_path)
        path.write_bytes(raw[:cut] + bytes(len(raw) - cut))
        log = open_log(tmp_path)
        assert log.next_number == groups[2].first_number, cut
        assert log.cut_bytes > 0 or not raw[begin:cut].strip(b"\0")
        log.append(groups[2])
        log.sync()
        log.close()
        assert read_all(tmp_path) == groups


def encode_body(group: Group) -> bytes:
    return b"".join(bytes((item.tag, item.word_count)) + item.words for item in group.items)


@pytest.mark.rule("09-R04")
def test_sectors_that_never_reached_the_disk_are_a_torn_tail(tmp_path: Path) -> None:
    groups = write_groups(tmp_path, 3, items=200)
    (path,) = get_files(tmp_path)
    raw = path.read_bytes()
    begin = raw.find(encode_body(groups[2])) - FRAME.size
    for sector in range(begin // 512 + 1, len(raw.rstrip(b"\0")) // 512):
        torn = bytearray(raw)
        torn[sector * 512 : (sector + 1) * 512] = bytes(512)
        path.write_bytes(torn)
        forget_mark(tmp_path)
        assert read_all(tmp_path) == groups[:2]


@pytest.mark.rule("09-R04")
@pytest.mark.parametrize("number", [0, 1, 4])
def test_damage_before_the_tail_is_an_error_with_file_and_offset(tmp_path: Path, number: int) -> None:
    groups = write_groups(tmp_path, 6)
    forget_mark(tmp_path)
    (path,) = get_files(tmp_path)
    raw = bytearray(path.read_bytes())
    body = bytes(raw).find(encode_body(groups[number]))
    raw[body + 5] ^= 0x10
    path.write_bytes(raw)
    before = path.read_bytes()
    with pytest.raises(LogDamaged, match=rf"{path.name}: damaged at offset {body - FRAME.size}: number"):
        open_log(tmp_path)
    assert path.read_bytes() == before  # nothing was cut


@pytest.mark.rule("09-R04")
def test_damage_of_the_last_confirmed_group_is_no_torn_tail(tmp_path: Path) -> None:
    groups = write_groups(tmp_path, 3)
    (path,) = get_files(tmp_path)
    raw = bytearray(path.read_bytes())
    body = bytes(raw).find(encode_body(groups[2]))
    raw[body] ^= 1
    path.write_bytes(raw)
    with pytest.raises(
        LogDamaged, match=f"number {groups[2].first_number} was confirmed and is not readable"
    ):
        open_log(tmp_path)


@pytest.mark.rule("09-R04")
def test_bytes_far_behind_the_tail_are_damage(tmp_path: Path) -> None:
    write_groups(tmp_path, 1)
    forget_mark(tmp_path)
    (path,) = get_files(tmp_path)
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"x")
    with pytest.raises(LogDamaged, match="damaged at offset"):
        open_log(tmp_path)


@pytest.mark.rule("09-R04")
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_flipped_bit_goes_unseen(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    directory = tmp_path_factory.mktemp("log")
    groups = write_groups(directory, 6)
    (path,) = get_files(directory)
    raw = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(bytes(raw).rstrip(b"\0")) - 1))
    raw[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(raw)
    with pytest.raises(LogDamaged, match=f"{path.name}: damaged at offset"):
        read_all(directory)
    assert groups


@pytest.mark.rule("09-R04")
def test_damage_in_an_older_file_is_met_when_it_is_read(tmp_path: Path) -> None:
    write_groups(tmp_path, 40, items=300)
    older = get_files(tmp_path)[1]
    raw = bytearray(older.read_bytes())
    raw[FILE_HEADER_BYTES + 500] ^= 1
    older.write_bytes(raw)
    with pytest.raises(LogDamaged, match=rf"{older.name}: damaged at offset {FILE_HEADER_BYTES}: number"):
        read_all(tmp_path)


@pytest.mark.rule("09-R04")
@pytest.mark.parametrize("which", [1, -1])
def test_a_missing_file_is_damage(tmp_path: Path, which: int) -> None:
    write_groups(tmp_path, 40, items=300)
    get_files(tmp_path)[which].unlink()
    with pytest.raises(LogDamaged, match=r"missing|confirmed"):
        open_log(tmp_path)


def test_all_files_missing_is_damage(tmp_path: Path) -> None:
    write_groups(tmp_path, 2)
    for path in get_files(tmp_path):
        path.unlink()
    with pytest.raises(LogDamaged, match="its files are missing"):
        open_log(tmp_path)


def test_the_log_of_another_rollup_is_refused(tmp_path: Path) -> None:
    write_groups(tmp_path, 1)
    with pytest.raises(LogDamaged, match="another chain or rollup"):
        Log(tmp_path, bytes(32), epoch=1, file_bytes=FILE_BYTES)


@pytest.mark.rule("09-R04")
def test_words_that_look_like_a_frame_cannot_pass_for_one(tmp_path: Path) -> None:
    """Attack: a client hides a frame in its words, so that a torn tail after it looks like damage."""
    later = Group(10**9, 0, bytes(32), [Item(0, bytes(31))])
    hidden = encode_group(later, seed=0)
    words = hidden + bytes(-len(hidden) % 31)
    log = open_log(tmp_path)
    log.append(Group(1, 0, bytes(32), [Item(0, b"\1" * 31)]))
    log.append(Group(2, 0, bytes(32), [Item(0, words), Item(0, b"\1" * 31)]))
    log.sync()
    offset = log._offset
    log.close()
    forget_mark(tmp_path)
    (path,) = get_files(tmp_path)
    raw = bytearray(path.read_bytes())
    raw[offset - 1] ^= 1  # the group with the hidden frame is torn at its end
    path.write_bytes(raw)
    assert decode_group(bytes(raw), bytes(raw).find(hidden), 0) is not None  # it would pass without the salt
    assert [group.first_number for group in read_all(tmp_path)] == [1]


def test_a_group_has_a_most_of_words(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    with pytest.raises(ValueError, match=f"at most {MAX_GROUP_WORDS}"):
        log.append(Group(1, 0, bytes(32), [Item(0, bytes(31))] * (MAX_GROUP_WORDS + 1)))
    log.append(Group(1, 0, bytes(32), [Item(0, bytes(31))] * MAX_GROUP_WORDS))
    log.sync()
    log.close()
    assert len(read_all(tmp_path)[0].items) == MAX_GROUP_WORDS


def test_old_files_go_when_a_snapshot_holds_them(tmp_path: Path) -> None:
    groups = write_groups(tmp_path, 40, items=300)
    log = open_log(tmp_path)
    before = len(get_files(tmp_path))
    log.remove_before(groups[30].first_number)
    assert len(get_files(tmp_path)) < before
    assert list(log.get_groups(groups[30].first_number)) == groups[30:]
    log.close()
    assert read_all(tmp_path, groups[30].first_number) == groups[30:]


@contextmanager
def file_size_limit(limit: int) -> Iterator[None]:
    """Let no file grow beyond `limit` bytes: the calls fail as on a full disk, by the system's own hand."""
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def append_groups(log: Log, groups: list[Group], count: int) -> None:
    for seed in range(count):
        log.reserve()
        groups.append(make_group(log.next_number, seed, 300))
        log.append(groups[-1])
        log.sync()


@pytest.mark.rule("09-R14")
def test_a_disk_that_fills_refuses_and_recovers(tmp_path: Path) -> None:
    groups = write_groups(tmp_path, 1)
    log = open_log(tmp_path)
    with file_size_limit(FILE_BYTES - 1000):
        with pytest.raises(LogFull, match=r"no room for more .* free .* Nothing confirmed is lost"):
            append_groups(log, groups, 100)
        assert len(groups) > 1
        for _ in range(3):  # again and again, without harm
            with pytest.raises(LogFull, match=os.strerror(errno.EFBIG)):
                log.reserve()
    log.reserve()  # there is space again
    groups.append(make_group(log.next_number, 100, 300))
    log.append(groups[-1])
    log.sync()
    log.close()
    assert read_all(tmp_path) == groups


def test_a_write_that_the_disk_refuses_leaves_no_trace(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    log.append(make_group(1, 1))
    log.sync()
    number = log.next_number
    with (
        file_size_limit(FILE_HEADER_BYTES),
        pytest.raises(LogFull, match=os.strerror(errno.EFBIG)),
    ):
        log.append(make_group(number, 2))
    assert log.next_number == number
    log.append(make_group(number, 3))
    log.sync()
    log.close()
    assert read_all(tmp_path) == [make_group(1, 1), make_group(number, 3)]
