"""What each version of Landlock can forbid, and in what shape it is told."""

from __future__ import annotations

import struct

import pytest

from host.sandbox.confine.landlock import EXECUTE, IOCTL_DEV, KINDS, REFER, TRUNCATE, handled, ruleset_bytes


@pytest.mark.parametrize(("abi", "length"), [(1, 8), (3, 8), (4, 16), (5, 16), (6, 24), (7, 24), (9, 24)])
def test_the_attribute_is_as_long_as_that_version_knows_it(abi, length):
    assert len(ruleset_bytes(abi)) == length


def test_later_versions_forbid_more_and_never_less():
    for abi in range(1, 9):
        for earlier, later in zip(handled(abi), handled(abi + 1), strict=True):
            assert earlier & later == earlier


def test_rights_come_with_the_version_that_brought_them():
    """Source: Linux Documentation/userspace-api/landlock.rst, Previous limitations."""
    assert not handled(1)[0] & REFER
    assert handled(2)[0] & REFER
    assert not handled(2)[0] & TRUNCATE
    assert handled(3)[0] & TRUNCATE
    assert not handled(4)[0] & IOCTL_DEV
    assert handled(5)[0] & IOCTL_DEV
    assert handled(3)[1] == 0
    assert handled(4)[1] == 0b11
    assert struct.unpack("=QQQ", ruleset_bytes(6))[2] == 0b11


def test_what_may_be_written_to_may_not_be_run_and_no_device_can_be_made():
    assert not KINDS["write"] & EXECUTE
    assert not KINDS["write"] & (1 << 6 | 1 << 11)
    assert not KINDS["read"] & EXECUTE
    assert not KINDS["device"] & (EXECUTE | IOCTL_DEV)
