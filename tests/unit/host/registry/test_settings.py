"""An operator's words: which of them can be used, and how a later one is laid over an earlier one."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.registry.settings import Settings, SettingsChange, read_change
from plugin_sdk.contract.decode import ProblemError
from plugin_sdk.contract.limits import Limits

VALUES = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3)
TABLES = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)
CHANGES = st.builds(
    SettingsChange,
    enabled=st.just(msgspec.UNSET) | st.booleans(),
    priority=st.just(msgspec.UNSET) | st.none() | st.integers(-9, 9),
    config=st.just(msgspec.UNSET) | TABLES,
    limits=st.just(msgspec.UNSET) | TABLES,
)


def test_what_is_not_said_is_not_changed_and_a_null_takes_a_key_back():
    held = Settings(priority=3, config={"a": 1, "b": 2})
    held.take(SettingsChange(config={"b": None, "c": 3}))
    assert (held.enabled, held.priority, held.config) == (True, 3, {"a": 1, "c": 3})
    held.take(SettingsChange(priority=None, enabled=False))
    assert (held.enabled, held.priority) == (False, None)


@given(st.lists(CHANGES, max_size=6))
def test_changes_put_together_come_to_what_they_come_to_one_by_one(changes):
    one_by_one, together = Settings(config={"a": 0}), Settings(config={"a": 0})
    whole = SettingsChange()
    for change in changes:
        one_by_one.take(change)
        whole = whole.then(change)
    together.take(msgspec.json.decode(msgspec.json.encode(whole), type=SettingsChange))
    assert together == one_by_one


def test_limits_are_said_as_in_a_manifest_or_as_a_status_page_shows_them():
    change = read_change({"limits": {"memory": "64MiB", "callTimeoutS": 2, "cpu": 0.5, "threads": None}})
    held = Settings()
    held.take(change)
    limits = held.limits_over(Limits(threads=3))
    assert (limits.memory_bytes, limits.call_timeout_s, limits.cpu_cores) == (64 * 2**20, 2.0, 0.5)
    assert limits.threads == 3


@pytest.mark.parametrize(
    ("given", "path", "says"),
    [
        ({"enabled": "yes"}, "enabled", "true or false"),
        ({"priority": True}, "priority", "an integer"),
        ({"priority": 1.5}, "priority", "an integer"),
        ({"priority": 10**9}, "priority", "an integer"),
        ({"config": [1]}, "config", "an object"),
        ({"limits": {"memory": "a lot"}}, "limits.memory", 'such as "512MiB"'),
        ({"limits": {"memroy": 1}}, "limits.memroy", "did you mean 'memory'?"),
        ({"limits": {"cpu": float("nan")}}, "limits.cpu", "a number of cores"),
        ({"zzz": 1}, "zzz", "only the members"),
    ],
)
def test_what_cannot_be_used_is_named_with_the_remedy(given, path, says):
    with pytest.raises(ProblemError) as found:
        read_change(given)
    assert found.value.path == path
    assert says in str(found.value)
