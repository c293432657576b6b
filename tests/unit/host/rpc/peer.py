"""A client of the host's, and at the other ends of its pipes a peer that says exactly what a test has it say."""

from __future__ import annotations

import asyncio
import fcntl
import os

import msgspec

from host.rpc.breaker import Breakers
from host.rpc.client import PluginClient


class Peer:
    """A client, and the far ends of its pipes."""

    def __init__(self, limits, breaker=None):
        read_fd, self.far_write = os.pipe()
        self.far_read, write_fd = os.pipe()
        fcntl.fcntl(self.far_write, fcntl.F_SETPIPE_SZ, 1 << 20)  # the longest line that a test says fits
        for fd in (read_fd, write_fd, self.far_read, self.far_write):
            os.set_blocking(fd, False)
        self.open = {read_fd, write_fd, self.far_read, self.far_write}
        self.closed = []
        self.logged = []
        self.on_log = self.logged.append
        self.told = []
        self.seen = []
        self._rest = b""
        self.client = PluginClient(
            "peer",
            read_fd,
            write_fd,
            limits=limits,
            breakers=Breakers(breaker),
            on_closed=lambda why, fault: self.closed.append((why, fault)),
            on_log=lambda line: self.on_log(line),
            on_progress=self.told.append,
        )
        self.counts = self.client.counts

    def close(self, *fds):
        for fd in fds:
            os.close(fd)
            self.open.discard(fd)

    def hear(self):
        """Reads what the client sent; all messages so far."""
        try:
            self._rest += os.read(self.far_read, 1 << 20)
        except BlockingIOError:
            return self.seen
        *lines, self._rest = self._rest.split(b"\n")
        self.seen += [msgspec.json.decode(line) for line in lines]
        return self.seen

    def requests(self, method="predict"):
        return [message for message in self.hear() if message["method"] == method]

    def say(self, **message):
        self.raw(msgspec.json.encode({"jsonrpc": "2.0", **message}) + b"\n")

    def raw(self, data):
        assert os.write(self.far_write, data) == len(data)

    def call(self, method="predict", params=b"{}", within_s=20.0):
        deadline = asyncio.get_running_loop().time() + within_s
        return asyncio.ensure_future(self.client.call(method, params, deadline=deadline))


async def heard(peer, eventually, count=1, method="predict"):
    await eventually(lambda: len(peer.requests(method)) >= count)
    return peer.requests(method)


async def outcome(task):
    async with asyncio.timeout(20):
        return await task
