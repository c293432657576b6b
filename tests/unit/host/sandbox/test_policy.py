"""The host's ceiling over what manifests ask for, and how weak a sandbox may be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.sandbox.policy import SandboxPolicy
from plugin_sdk.contract.manifest import Limits

ASKED = st.builds(
    Limits,
    memory_bytes=st.integers(1, 2**50),
    cpu_cores=st.floats(0.01, 4096),
    threads=st.integers(1, 4096),
    scratch_bytes=st.integers(1, 2**50),
    start_timeout_s=st.floats(0.001, 86_400),
    call_timeout_s=st.floats(0.001, 86_400),
    train_timeout_s=st.floats(0.001, 86_400),
)


@given(ASKED)
def test_a_grant_is_what_was_asked_for_or_the_ceiling_whichever_is_less(asked):
    policy = SandboxPolicy()
    granted = policy.grant(asked)
    for name in Limits.__struct_fields__:
        assert getattr(granted, name) == min(getattr(asked, name), getattr(policy, name))
    assert policy.grant(granted) == granted


def test_what_a_manifest_leaves_out_is_granted_in_full():
    assert SandboxPolicy().grant(Limits()) == Limits()


@pytest.mark.parametrize("settings", [{"isolation": "maybe"}, {"min_tier": "Z"}])
def test_a_word_that_is_none_of_the_known_ones_is_refused_with_those(settings):
    with pytest.raises(ValueError, match="give one of"):
        SandboxPolicy(**settings)
