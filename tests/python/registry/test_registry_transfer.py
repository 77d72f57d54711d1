"""Downloads from a server that misbehaves: resumed, bounded, never taken for what they are not."""

from __future__ import annotations

import hashlib
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_server import FaultServer
from registry_bundles import FakeClock, MemoryBody, MemorySource, facts_of, transfer

from mlops_engine import InvalidArgument, ResourceExhausted, Unavailable
from mlops_engine.registry import Bandwidth, RemoteFile
from mlops_engine.registry.sources.plain import PlainSource

DATA = random.Random(1).randbytes(3_000_000)
FACTS = facts_of(DATA)
FILE = RemoteFile("model.onnx", FACTS.bytes, FACTS.sha256, "f")


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        server.files["/f"] = DATA
        yield server


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "part"


def test_a_download_goes_on_where_it_was_cut(server: FaultServer, part: Path) -> None:
    server.cuts["/f"] = [1_000_000, 0, 1_500_000]
    clock = FakeClock()
    assert transfer(clock).fetch(PlainSource(server.url), FILE, part) == FACTS
    assert part.read_bytes() == DATA
    assert server.offsets("/f") == [0, 1_000_000, 1_000_000, 2_500_000]
    assert clock.slept == [1.0, 2.0, 1.0]  # doubled without progress, anew with it


def test_a_download_goes_on_after_the_process_died(server: FaultServer, part: Path) -> None:
    part.write_bytes(DATA[:2_000_000])
    assert transfer().fetch(PlainSource(server.url), FILE, part) == FACTS
    assert server.offsets("/f") == [2_000_000]


def test_a_server_without_ranges_begins_again(server: FaultServer, part: Path) -> None:
    server.ranges = False
    server.cuts["/f"] = [1_000_000]
    assert transfer().fetch(PlainSource(server.url), FILE, part) == FACTS
    assert part.read_bytes() == DATA


def test_a_body_without_length_that_ends_early_is_noticed(server: FaultServer, part: Path) -> None:
    server.lengths = False
    server.cuts["/f"] = [1_000_000]
    assert transfer().fetch(PlainSource(server.url), FILE, part) == FACTS
    assert server.offsets("/f") == [0, 1_000_000]


def test_a_server_that_stays_away_is_given_up_and_what_came_is_kept(
    server: FaultServer, part: Path
) -> None:
    server.cuts["/f"] = [1_000_000]
    clock = FakeClock()

    def stop(seconds: float) -> None:
        server.stop()
        FakeClock.sleep(clock, seconds)

    clock.sleep = stop  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        transfer(clock).fetch(PlainSource(server.url), FILE, part)
    assert part.read_bytes() == DATA[:1_000_000]
    assert clock.slept == [1.0, 2.0, 4.0, 8.0]


@pytest.mark.parametrize("status", [429, 500, 503, 401])
def test_what_may_pass_is_tried_again(server: FaultServer, part: Path, status: int) -> None:
    server.statuses = [status, status]
    assert transfer().fetch(PlainSource(server.url), FILE, part) == FACTS


def test_a_flipped_byte_is_never_kept(server: FaultServer, part: Path) -> None:
    server.spoil = lambda path, data: data[:777] + bytes([data[777] ^ 1]) + data[778:]
    with pytest.raises(InvalidArgument, match="and should have"):
        transfer().fetch(PlainSource(server.url), FILE, part)
    assert not part.exists()
    assert server.offsets("/f") == [0, 0]  # once more from the beginning, no further


def test_the_beginning_of_another_file_is_not_gone_on_with(server: FaultServer, part: Path) -> None:
    part.write_bytes(b"x" * 1_000_000)
    assert transfer().fetch(PlainSource(server.url), FILE, part) == FACTS
    assert server.offsets("/f") == [1_000_000, 0]


def test_a_file_that_is_longer_than_announced_is_cut_off(server: FaultServer, part: Path) -> None:
    server.files["/f"] = DATA + b"more"
    with pytest.raises(InvalidArgument, match="longer than"):
        transfer().fetch(PlainSource(server.url), FILE, part)
    assert not part.exists()


def test_a_part_that_is_too_long_begins_again(server: FaultServer, part: Path) -> None:
    part.write_bytes(DATA + b"more")
    assert transfer().fetch(PlainSource(server.url), FILE, part) == FACTS


def test_an_empty_file(server: FaultServer, part: Path) -> None:
    server.files["/f"] = b""
    empty = RemoteFile("a", 0, hashlib.sha256().hexdigest(), "f")
    assert transfer().fetch(PlainSource(server.url), empty, part).bytes == 0
    assert transfer().fetch(PlainSource(server.url), RemoteFile("a", locator="f"), part).bytes == 0


def test_a_pickle_by_another_name_is_refused(server: FaultServer, part: Path) -> None:
    server.files["/f"] = b"\x80\x04\x95rest"
    with pytest.raises(InvalidArgument, match="pickle"):
        transfer().fetch(PlainSource(server.url), RemoteFile("model.onnx", locator="f"), part)
    assert not part.exists()


def test_a_disk_without_room_is_refused_before_a_byte_comes(
    server: FaultServer, part: Path
) -> None:
    with pytest.raises(ResourceExhausted, match="are free"):
        transfer(free_bytes_min=1 << 60).fetch(PlainSource(server.url), FILE, part)
    assert server.requests == []


def test_a_disk_that_fills_up_is_left_as_it_was(part: Path) -> None:
    # A limit on the size of files is the nearest thing to a full disk that a test may have.
    import resource

    source = MemorySource({"1": {"model.onnx": DATA}})
    file = RemoteFile("model.onnx", FACTS.bytes, FACTS.sha256, "1|model.onnx")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
    try:
        with pytest.raises(ResourceExhausted, match="no room"):
            transfer().fetch(source, file, part)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not part.exists()


def test_bandwidth_is_bound_over_all_downloads(tmp_path: Path) -> None:
    clock = FakeClock()
    shared = transfer(clock, bandwidth=Bandwidth(1_000_000, clock))
    source = MemorySource({"1": {"model.onnx": DATA}})
    for name in ("a", "b"):
        shared.fetch(source, RemoteFile("model.onnx", locator="1|model.onnx"), tmp_path / name)
    assert clock.time == pytest.approx(6.0)


class Endless:
    """A source of one file of zeros, made as it is read."""

    name = "zeros://"

    def __init__(self, size: int) -> None:
        self._left = size

    def open(self, file: RemoteFile, offset: int = 0) -> Endless:
        return self

    start = 0

    def readinto(self, buffer: memoryview) -> int:
        count = min(len(buffer), self._left)
        self._left -= count
        return count

    def close(self) -> None:
        pass


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        file = RemoteFile("model.onnx", 64 << 20)
        facts = transfer().fetch(Endless(64 << 20), file, tmp_path / "part")  # type: ignore[arg-type]
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert facts.bytes == 64 << 20
    assert peak < 8 << 20


def test_a_body_is_closed_whatever_happens(part: Path) -> None:
    closed = []

    class Watched(MemoryBody):
        def close(self) -> None:
            closed.append(True)

    class Source(MemorySource):
        def open(self, file: RemoteFile, offset: int = 0) -> MemoryBody:
            return Watched(DATA + b"more", offset)

    with pytest.raises(InvalidArgument):
        transfer().fetch(Source({}), FILE, part)
    assert closed == [True]
