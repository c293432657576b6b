from __future__ import annotations

import re
from pathlib import Path

import pytest

from host.sandbox.seccomp.syscalls import (
    AARCH64,
    AUDIT_ARCH,
    X32_BIT,
    X86_64,
    UnknownArchError,
    name_of,
    numbers,
)

HEADERS = {
    X86_64: Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    AARCH64: Path("/usr/include/asm-generic/unistd.h"),
}
# Where the generic header has a name of its own for what arm64 calls otherwise, or what arm64 lacks.
GENERIC_ONLY = re.compile(r".*(time64|gettime64|settime64|adjtime64)$|arch_specific_syscall|syscalls")
OTHER_NAMES = {"fstatat": "newfstatat", "sync_file_range2": "sync_file_range"}


@pytest.mark.parametrize("arch", [X86_64, AARCH64])
def test_the_table_says_what_the_kernels_headers_say(arch):
    header = HEADERS[arch]
    if not header.exists():
        pytest.skip(f"{header} is not installed; linux-libc-dev brings it")
    said = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text())
    compared = 0
    for name, number in said:
        if arch == AARCH64 and (GENERIC_ONLY.fullmatch(name)):
            continue
        assert numbers(arch)[OTHER_NAMES.get(name, name)] == int(number), name
        compared += 1
    assert compared > 300


@pytest.mark.parametrize("arch", [X86_64, AARCH64])
def test_no_number_has_two_names(arch):
    table = numbers(arch)
    assert len(set(table.values())) == len(table)


@pytest.mark.parametrize(
    ("arch", "name", "number"),
    [
        (X86_64, "read", 0),
        (X86_64, "execve", 59),
        (X86_64, "clone3", 435),
        (X86_64, "file_setattr", 469),
        (AARCH64, "clone", 220),
        (AARCH64, "read", 63),
        (AARCH64, "clone3", 435),
        (AARCH64, "seccomp", 277),
    ],
)
def test_known_numbers_are_right(arch, name, number):
    assert numbers(arch)[name] == number
    assert name_of(AUDIT_ARCH[arch], number) == name


def test_an_architecture_without_a_table_is_refused_by_name():
    with pytest.raises(UnknownArchError, match="riscv64"):
        numbers("riscv64")


def test_a_name_is_found_for_whatever_the_kernel_reports():
    assert name_of(AUDIT_ARCH[X86_64], X32_BIT | 1) == "write (x32)"
    assert name_of(AUDIT_ARCH[X86_64], 9999) == "call 9999"
    assert name_of(0x40000003, 20) == "call 20 (i386)"
    assert name_of(0x12345678, 20) == "call 20 (0x12345678)"
