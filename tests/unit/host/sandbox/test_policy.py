"""The host's ceiling, and how weak a sandbox may be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.sandbox.policy import SandboxPolicy
from plugin_sdk.contract.manifest import Limits

SIZES = st.integers(1, 2**50)


@given(SIZES, st.floats(0.001, 4096), st.integers(1, 4096))
def test_nobody_gets_more_than_the_ceiling_or_more_than_asked_for(memory, cpu, threads):
    policy = SandboxPolicy()
    granted = policy.grant(Limits(memory_bytes=memory, cpu_cores=cpu, threads=threads))
    assert granted.memory_bytes == min(memory, policy.memory_bytes)
    assert granted.cpu_cores == min(cpu, policy.cpu_cores)
    assert granted.threads == min(threads, policy.threads)


@pytest.mark.parametrize("settings", [{"isolation": "maybe"}, {"min_tier": "Z"}])
def test_a_word_that_is_none_of_the_known_ones_is_refused_with_those(settings):
    with pytest.raises(ValueError, match="give one of"):
        SandboxPolicy(**settings)
