"""The numbers of the listener's ioctls, from how the kernel makes them; with real attempts in tests/integration."""

from __future__ import annotations

from host.sandbox.seccomp import listener


def _iowr(number: int, size: int) -> int:
    return 3 << 30 | size << 16 | ord("!") << 8 | number


def test_requests_carry_the_sizes_of_their_structures():
    assert listener._NOTICE.size == 80
    assert listener._ANSWER.size == 24
    assert _iowr(0, listener._NOTICE.size) == listener._RECEIVE
    assert _iowr(1, listener._ANSWER.size) == listener._SEND
