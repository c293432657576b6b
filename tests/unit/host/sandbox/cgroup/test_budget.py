"""The division of a cap among limits that each see a part."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.sandbox.cgroup.budget import LEAST_CAP_BYTES, MIB, PASS, SLACK_BYTES, with_group, without_group

GIB = 1024 * MIB
ASKED = {"scratch_bytes": 64 * MIB, "shm_bytes": 8 * MIB, "open_files": 256, "backstop_bytes": 16 * GIB}


@given(
    st.integers(LEAST_CAP_BYTES, 64 * GIB),
    st.integers(0, 4 * GIB),
    st.integers(0, GIB),
    st.integers(16, 65536),
    st.integers(0, 64 * GIB),
)
def test_all_parts_together_never_pass_the_cap_and_a_quarter(cap, scratch, shm, files, backstop):
    asked = {"scratch_bytes": scratch, "shm_bytes": shm, "open_files": files, "backstop_bytes": backstop}
    share = without_group(cap, **asked)
    assert share.bound_bytes <= PASS * cap
    assert 0 < share.data_bytes <= cap
    assert share.scratch_bytes <= scratch
    assert share.shm_bytes <= shm
    assert share.open_files <= files
    assert share.watch_bytes == share.data_bytes + SLACK_BYTES
    assert share.address_space_bytes <= cap + backstop


def test_half_a_gibibyte_leaves_the_plugin_what_it_can_work_with():
    share = without_group(512 * MIB, **ASKED)
    assert share.data_bytes > 430 * MIB
    assert (share.scratch_bytes, share.open_files) == (64 * MIB, 256)
    assert share.address_space_bytes > 16 * GIB  # numpy's and V8's reservations


def test_with_a_group_the_limits_are_the_asked_ones_and_nobody_watches():
    share = with_group(512 * MIB, **ASKED)
    assert (share.data_bytes, share.watch_bytes, share.bound_bytes) == (512 * MIB, None, 512 * MIB)


def test_a_cap_too_small_to_be_held_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match=r"can be held from 100663296 on; raise limits\.memory"):
        without_group(LEAST_CAP_BYTES - 1, **ASKED)
