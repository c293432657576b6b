"""Peers that are closed with their test."""

from __future__ import annotations

import pytest

from host.rpc.client import ClientLimits
from tests.unit.host.rpc.peer import Peer


@pytest.fixture
async def meet():
    """`meet(limits)`: a peer whose client has been through its handshake."""
    peers = []

    def start(*, opened=True, breaker=None, **limits):
        peer = Peer(ClientLimits(**limits), breaker)
        peers.append(peer)
        if opened:
            peer.client.opened()
        return peer

    yield start
    for peer in peers:
        peer.client.close("the test is over")
        peer.close(*list(peer.open))
