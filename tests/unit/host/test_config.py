"""The host's configuration file."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host.config import HostConfig, load_config
from host.errors import ConfigError


@pytest.fixture
def load(tmp_path):
    def from_text(text):
        path = tmp_path / "engine-ops.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_config(path)

    return from_text


def test_no_file_and_an_empty_one_are_the_defaults(load):
    assert load_config(None) == HostConfig() == load("")


def test_what_is_given_is_set_and_the_rest_stays(load):
    config = load(
        """
        [sandbox]
        memory_bytes = 1000
        isolation = "best-effort"
        min_tier = "C"
        [restarts]
        base_s = 0
        [calls]
        grace_s = 0.5
        [history]
        points = 50
        [teaching]
        tick_s = 1
        [plugins.forest]
        enabled = false
        priority = 7
        config = {depth = 3}
        """
    )
    assert config.sandbox.memory_bytes == 1000
    assert (config.sandbox.isolation, config.sandbox.min_tier) == ("best-effort", "C")
    assert config.sandbox.threads == HostConfig().sandbox.threads
    assert (config.restarts.base_s, config.calls.grace_s, config.history.points) == (0, 0.5, 50)
    forest = config.plugins["forest"]
    assert (forest.enabled, forest.priority, forest.config) == (False, 7, {"depth": 3})
    passed_on = config.supervisor()
    assert (passed_on.policy, passed_on.client) == (config.sandbox, config.calls)
    assert passed_on.settings == config.plugins


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[sandbx]", r"\[sandbx\] is not known; give .*did you mean 'sandbox'"),
        ("[calls]\ngrace = 1", r"calls.grace is not known; give .*did you mean 'grace_s'"),
        ("[calls]\ngrace_s = '1'", r'calls.grace_s is "1"; give a number of 0 or more, such as 2.0'),
        ("[calls]\ngrace_s = -1", "calls.grace_s is -1; give"),
        ("[calls]\ngrace_s = nan", "calls.grace_s is null; give"),
        ("[calls]\ngrace_s = inf", "give a number of 0 or more"),
        ("[calls]\ngrace_s = true", "calls.grace_s is true; give"),
        ("[calls]\nin_flight = 0", "calls.in_flight is 0; give an integer above 0, such as 4"),
        ("[calls]\nin_flight = 1.5", "give an integer above 0"),
        ("[teaching]\nbatch = 0", "give an integer above 0"),
        ("[teaching]\ntick_s = 0", "give a number above 0"),
        ("[sandbox]\nmemory_bytes = 0x" + "f" * 5000, "too large to show; give an integer above 0"),
        ("[sandbox]\nmemory_bytes = " + "9" * 5000, "is not TOML"),
        (
            "[sandbox]\nisolation = 'of'",
            'sandbox.isolation is "of"; give one of require, best-effort, off',
        ),
        ("[sandbox]\nisolation = ''", 'sandbox.isolation is ""; give one of'),
        ("[sandbox]\nisolation = '" + "x" * 5000 + "'", "give one of require, best-effort, off"),
        (
            "[sandbox]\nisolation = false",
            'sandbox.isolation is false; give printable text, such as "require"',
        ),
        ("[sandbox]\nisolation = ['off']", "give printable text"),
        ('[sandbox]\nisolation = "off\\u0000"', "give printable text"),
        ("[sandbox]\nmin_tier = 'a'", 'sandbox.min_tier is "a"; give one of A, B, C, D, none'),
        ("[sandbox]\nmin_tier = 1", 'sandbox.min_tier is 1; give printable text, such as "A"'),
        ("calls = 3", r"calls is 3; give a table: \[calls\]"),
        ("[plugins]\na = 1", r"plugins.a is 1; give a table: \[plugins.a\]"),
        ("[plugins.a]\nenabled = 1", "plugins.a.enabled is 1; give true or false"),
        ("[plugins.a]\npriority = true", "plugins.a.priority is true; give an integer"),
        ("[plugins.a]\nconfig = 1", "plugins.a.config is 1; give a table"),
        ("[plugins.a]\nprio = 1", "plugins.a.prio is not known; give .*did you mean 'priority'"),
        ("= 1", "is not TOML"),
        (b"\xff", "is not TOML"),
        ("x = " + "[" * 5000, "is not TOML"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_clear_error_with_file_key_and_remedy(load, text, says):
    with pytest.raises(ConfigError, match=says) as caught:
        load(text)
    assert "engine-ops.toml" in str(caught.value)
    assert len(str(caught.value)) < 600


def test_a_file_that_is_not_there_or_is_a_folder_is_said(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_config(tmp_path / "absent.toml")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_config(tmp_path)


def test_every_default_is_a_setting_that_the_file_may_say(load):
    default = HostConfig()
    lines = []
    for room in fields(HostConfig):
        if room.name == "plugins":
            continue
        base = getattr(default, room.name)
        # Numbers and texts are written alike in TOML and in JSON.
        lines += [f"[{room.name}]"]
        lines += [f"{each.name} = {json.dumps(getattr(base, each.name))}" for each in fields(base)]
    assert load("\n".join(lines)) == default


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60) | st.text("[]calspugin._=019ef\"'\n ", max_size=60))
def test_no_bytes_make_anything_but_settings_or_a_clear_error(load, text):
    try:
        assert isinstance(load(text), HostConfig)
    except ConfigError as error:
        assert "engine-ops.toml" in str(error)
