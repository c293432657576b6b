"""Where huge pages fit into a process's memory."""

from __future__ import annotations

from host.sandbox.confine.pages import huge_ranges

MIB = 2**20
MAPS = f"""\
{4 * MIB:x}-{5 * MIB:x} rw-p 00000000 00:00 0
{7 * MIB:x}-{13 * MIB:x} rw-p 00000000 00:00 0                          [heap]
{20 * MIB:x}-{24 * MIB:x} rw-p 00000000 00:00 0
{30 * MIB:x}-{34 * MIB:x} r--p 00000000 00:00 0
{40 * MIB:x}-{44 * MIB:x} rw-s 00000000 00:00 0
{50 * MIB:x}-{54 * MIB:x} rw-p 00001000 fe:00 4711                       /usr/lib/lib with blank.so
{60 * MIB:x}-{64 * MIB:x} rw-p 00000000 00:00 0                          [stack]
"""


def test_whole_huge_pages_of_private_memory_that_is_no_files():
    assert huge_ranges(MAPS) == [(8 * MIB, 12 * MIB), (20 * MIB, 24 * MIB)]
