"""The file, over it the environment, over that the flags."""

from __future__ import annotations

import pytest

from host.config import HostConfig
from host.errors import ConfigError
from host.layering import settle, variable_names


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_anything_all_is_default(folder) -> None:
    settled = settle(environment={})
    assert (settled.config, settled.file, dict(settled.origins)) == (HostConfig(), None, {})


def test_each_layer_wins_over_the_one_below_and_says_so(folder) -> None:
    (folder / "engine-ops.toml").write_text(
        "[serve]\nport = 1\nbind = '::1'\ndata = 'd'\n[calls]\nqueued = 3\n"
    )
    variables = {"ENGINE_OPS_SERVE_PORT": "2", "ENGINE_OPS_CALLS_QUEUED": "4", "PATH": "/bin"}
    settled = settle(flags={"port": 3}, environment=variables)
    serve = settled.config.serve
    assert (serve.port, serve.bind, serve.data, settled.config.calls.queued) == (3, "::1", "d", 4)
    assert settled.origin("serve", "port") == "flag --port"
    assert settled.origin("calls", "queued") == "environment ENGINE_OPS_CALLS_QUEUED"
    assert settled.origin("serve", "bind") == "engine-ops.toml"
    assert settled.origin("engine", "settle_s") == "default"


def test_a_named_file_is_read_instead_by_flag_then_by_environment(folder) -> None:
    (folder / "engine-ops.toml").write_text("[serve]\nport = 1\n")
    (folder / "other.toml").write_text("[serve]\nport = 2\n")
    (folder / "third.toml").write_text("[serve]\nport = 3\n")
    variables = {"ENGINE_OPS_CONFIG": "other.toml"}
    assert settle(environment=variables).config.serve.port == 2
    assert settle(config=folder / "third.toml", environment=variables).config.serve.port == 3
    with pytest.raises(ConfigError, match="cannot be read"):
        settle(environment={"ENGINE_OPS_CONFIG": "absent.toml"})


def test_values_of_every_kind_can_come_from_the_environment(folder) -> None:
    variables = {
        "ENGINE_OPS_GATEWAY_ALLOWED_HOSTS": "a.example, b.example",
        "ENGINE_OPS_GATEWAY_ACCESS_LOG": "true",
        "ENGINE_OPS_ENGINE_SETTLE_S": "0.25",
        "ENGINE_OPS_SERVE_BIND": "::1",
    }
    config = settle(environment=variables).config
    assert config.gateway.allowed_hosts == ("a.example", "b.example")
    assert (config.gateway.access_log, config.engine.settle_s, config.serve.bind) == (True, 0.25, "::1")


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        (
            {"ENGINE_OPS_SERVE_PROT": "1"},
            "ENGINE_OPS_SERVE_PROT is no setting; did you mean ENGINE_OPS_SERVE_PORT",
        ),
        ({"ENGINE_OPS_X": "1"}, "config show"),
        (
            {"ENGINE_OPS_SERVE_PORT": "many"},
            'environment ENGINE_OPS_SERVE_PORT: serve.port is "many"; give an integer',
        ),
        (
            {"ENGINE_OPS_SERVE_PORT": "70000"},
            "environment ENGINE_OPS_SERVE_PORT: serve.port is 70000; give 0",
        ),
        ({"ENGINE_OPS_CALLS_QUEUED": "NaN"}, "give an integer"),
        ({"ENGINE_OPS_GATEWAY_ACCESS_LOG": "yes"}, "give true or false"),
        ({"ENGINE_OPS_SERVE_LOG_LEVEL": "loud"}, "give one of debug, info"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named_with_the_remedy(folder, variables, says) -> None:
    with pytest.raises(ConfigError, match=says):
        settle(environment=variables)


def test_a_message_about_a_flag_names_the_flag(folder) -> None:
    with pytest.raises(ConfigError, match=r"flag --tls-cert: serve.tls_cert and tls_key belong together"):
        settle(flags={"tls_cert": "x"}, environment={})


def test_variables_of_other_commands_are_no_settings(folder) -> None:
    assert settle(environment={"ENGINE_OPS_TOKEN": "t", "ENGINE_OPS_REFDATA": "d"}).config == HostConfig()


def test_no_two_settings_share_a_variable() -> None:
    from dataclasses import fields

    rooms = [each for each in fields(HostConfig) if each.name != "plugins"]
    assert len(variable_names()) == sum(len(fields(getattr(HostConfig(), each.name))) for each in rooms)
