"""What a call costs the host, in bytecodes: a figure that a busy machine does not change.

The wall clock is measured by `make bench`; this is the gate that keeps a call from becoming dearer unnoticed.
"""

from __future__ import annotations

import sys

import pytest

from tests.benchmarks.host_path import bytecodes

MOST = 560  # of CPython 3.11, where it is 535; another version compiles the same code to other bytecodes


@pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="BYTECODES OF ANOTHER PYTHON: the bound is that of 3.11"
)
def test_a_call_takes_the_host_no_more_bytecodes_than_it_is_known_to():
    found = bytecodes(calls=50)
    assert 300 < sum(found.values()) < MOST, found.most_common()


def test_what_is_counted_is_the_whole_path_of_a_call():
    found = bytecodes(calls=5)
    for name in (
        "PluginEntry.call",
        "PluginClient.call",
        "Pipe.write",
        "Inbox.on_data",
        "CircuitBreaker.succeeded",
    ):
        assert found[name] > 0, name
