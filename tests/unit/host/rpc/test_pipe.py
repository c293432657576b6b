"""Two ends of a pipe on the loop."""

from __future__ import annotations

import contextlib
import os

import pytest

from host.rpc.pipe import Pipe, PipeClosedError


class Ends:
    """A Pipe with the far ends of both its descriptors, and what it told its owner."""

    def __init__(self):
        self.read_fd, self.far_write = os.pipe()
        self.far_read, self.write_fd = os.pipe()
        for fd in (self.read_fd, self.write_fd, self.far_read):
            os.set_blocking(fd, False)
        self.data = b""
        self.eofs = 0
        self.open = {self.read_fd, self.write_fd, self.far_read, self.far_write}
        self.pipe = Pipe(self.read_fd, self.write_fd, self._on_data, self._on_eof)

    def _on_data(self, data):
        self.data += data

    def _on_eof(self):
        self.eofs += 1

    def close(self, *fds):
        for fd in fds:
            os.close(fd)
            self.open.discard(fd)


@pytest.fixture
async def ends():
    made = Ends()
    yield made
    made.pipe.close()
    made.close(*list(made.open))


async def test_what_comes_is_handed_on_and_the_end_is_told_once(ends, eventually):
    os.write(ends.far_write, b"hello")
    await eventually(lambda: ends.data == b"hello")
    os.write(ends.far_write, b" again")
    ends.close(ends.far_write)
    await eventually(lambda: ends.eofs == 1)
    assert ends.data == b"hello again"


async def test_a_small_write_is_there_at_once(ends):
    ends.pipe.write(b"now")
    assert os.read(ends.far_read, 10) == b"now"
    assert ends.pipe.unsent_bytes == 0


async def test_what_the_other_end_does_not_read_waits_in_order_and_is_counted(ends, eventually):
    sent = b"".join(bytes([65 + n]) * 100_000 for n in range(10))
    for n in range(10):
        ends.pipe.write(bytes([65 + n]) * 100_000)
    assert 0 < ends.pipe.unsent_bytes < len(sent)
    read = b""

    def drained():
        nonlocal read
        with contextlib.suppress(BlockingIOError):
            read += os.read(ends.far_read, 1 << 20)
        return len(read) == len(sent)

    await eventually(drained)
    assert read == sent
    assert ends.pipe.unsent_bytes == 0
    ends.pipe.write(b"more")  # the writer was taken off the loop, and direct writes work again
    assert os.read(ends.far_read, 10) == b"more"


async def test_a_closed_reader_is_an_error_at_the_write_and_ever_after(ends):
    ends.close(ends.far_read)
    for _ in range(2):
        with pytest.raises(PipeClosedError):
            ends.pipe.write(b"x")
    assert ends.pipe.unsent_bytes == 0


async def test_a_reader_that_closes_while_bytes_wait_does_not_spin_the_loop(ends, eventually):
    ends.pipe.write(b"x" * 1_000_000)
    assert ends.pipe.unsent_bytes > 0
    ends.close(ends.far_read)
    await eventually(lambda: ends.pipe.unsent_bytes == 0)
    with pytest.raises(PipeClosedError):
        ends.pipe.write(b"y")


async def test_close_is_safe_twice_and_with_bytes_unsent(ends):
    ends.pipe.write(b"x" * 1_000_000)
    ends.pipe.close()
    ends.pipe.close()
    assert ends.pipe.unsent_bytes == 0
    with pytest.raises(PipeClosedError):
        ends.pipe.write(b"y")
    os.write(ends.far_write, b"late")
    assert ends.data == b""


async def test_what_is_gathered_goes_in_one_piece_after_what_came_before(ends, eventually):
    ends.pipe.write(b"a")
    ends.pipe.gather(b"b")
    ends.pipe.write(b"c")
    ends.pipe.gather(b"d")
    assert os.read(ends.far_read, 10) == b"a"
    read = []

    def came():
        with contextlib.suppress(BlockingIOError):
            read.append(os.read(ends.far_read, 10))
        return read

    await eventually(came)
    assert read == [b"bcd"]
    assert ends.pipe.unsent_bytes == 0


async def test_what_is_gathered_waits_for_a_slow_reader_like_anything_else(ends, eventually):
    for n in range(10):
        ends.pipe.gather(bytes([65 + n]) * 100_000)
    read = b""

    def drained():
        nonlocal read
        with contextlib.suppress(BlockingIOError):
            read += os.read(ends.far_read, 65536)
        return len(read) == 1_000_000

    await eventually(drained)
    assert read == b"".join(bytes([65 + n]) * 100_000 for n in range(10))
    assert ends.pipe.unsent_bytes == 0


async def test_what_is_gathered_for_an_end_that_closes_is_dropped(ends, eventually):
    ends.pipe.gather(b"x")
    ends.close(ends.far_read)
    await eventually(lambda: ends.pipe.unsent_bytes == 0)
    with pytest.raises(PipeClosedError):
        ends.pipe.gather(b"y")
