"""What host and spawner say to each other."""

from __future__ import annotations

import os
import socket

import pytest

from host.process.spawner.wire import MESSAGE_BYTES, TooLargeError, encode, receive, send


@pytest.fixture
def pair():
    both = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    yield both
    for each in both:
        each.close()


def test_a_message_arrives_whole_with_its_descriptors_closed_on_exec(pair):
    reading, writing = os.pipe()
    send(pair[0], {"launch": 1, "plan": {"text": "ä" * 1000}}, [writing])
    os.close(writing)
    message, (descriptor,) = receive(pair[1])
    assert message == {"launch": 1, "plan": {"text": "ä" * 1000}}
    assert not os.get_inheritable(descriptor)
    os.write(descriptor, b"through")
    assert os.read(reading, 16) == b"through"
    os.close(reading)
    os.close(descriptor)


def test_messages_keep_their_borders(pair):
    for number in range(3):
        send(pair[0], {"n": number})
    assert [receive(pair[1])[0]["n"] for _ in range(3)] == [0, 1, 2]


def test_the_end_of_the_other_side_is_no_message(pair):
    pair[0].close()
    assert receive(pair[1]) == (None, [])


def test_an_end_with_something_unread_is_the_same(pair):
    send(pair[1], {"unread": True})
    pair[0].close()
    assert receive(pair[1]) == (None, [])


def test_a_message_too_large_for_a_datagram_is_refused_before_it_is_sent():
    assert len(encode({"x": "y" * 1000})) < 1100
    with pytest.raises(TooLargeError, match="at most"):
        encode({"x": "y" * MESSAGE_BYTES})
