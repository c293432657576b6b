"""A zygote's memory in huge pages: a fork copies one entry of the page tables for each instead of 512.

Half of what a fork of a zygote with scikit-learn costs is the copying of page tables. A child that writes to such a
page gets a copy of 4 KiB, as it does of others.

Source: madvise(2), MADV_COLLAPSE, Linux 6.1.
"""

from host.sandbox.kernel.libc import syscall

MADV_COLLAPSE = 25
_HUGE = 1 << 21


def collapse(maps: str) -> int:
    """Collapses what is writable and anonymous; how many huge pages that came to. What the kernel declines is left.

    Args:
        maps: The text of /proc/self/maps.
    """
    count = 0
    for start, end in huge_ranges(maps):
        for at in range(start, end, _HUGE):
            try:
                syscall("madvise", at, _HUGE, MADV_COLLAPSE)
            except OSError:
                continue  # nothing is there, or no huge page is to be had, or the kernel knows of none
            count += 1
    return count


def huge_ranges(maps: str) -> "list[tuple[int, int]]":
    """Where whole huge pages fit into private memory of no file."""
    found = []
    for line in maps.splitlines():
        addresses, rights, _, _, inode, *name = line.split(maxsplit=5)
        if rights[:2] != "rw" or rights[3] != "p" or inode != "0" or (name and name[0] != "[heap]"):
            continue
        first, last = (int(each, 16) for each in addresses.split("-"))
        start, end = -(-first // _HUGE) * _HUGE, last // _HUGE * _HUGE
        if end > start:
            found.append((start, end))
    return found
