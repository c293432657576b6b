"""The arguments that installers are given."""

from __future__ import annotations

from pathlib import Path

import pytest

from host.sandbox.environments.installers import EnvironmentPolicy, Place, installers_environment, steps

PLACE = Place(Path("/aside/env"), Path("/final"), Path("/aside/env/lib/site-packages"), Path("/cache"))


@pytest.mark.parametrize("uv", [None, "/usr/bin/uv"])
def test_what_is_asked_for_comes_after_the_end_of_options(uv):
    install = steps(uv, EnvironmentPolicy(), PLACE, ["numpy", "tool @ file:///w.whl"])[1]
    assert install[-3:] == ("--", "numpy", "tool @ file:///w.whl")


def test_wheels_alone_are_installed():
    assert {"--only-binary", ":all:"} <= set(steps(None, EnvironmentPolicy(), PLACE, [])[1])
    assert "--no-build" in steps("/usr/bin/uv", EnvironmentPolicy(), PLACE, [])[1]


@pytest.mark.parametrize("uv", [None, "/usr/bin/uv"])
def test_the_operators_index_and_folder_are_passed_on(uv, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    policy = EnvironmentPolicy(index_url="https://example.com/simple", find_links="wheels").absolute()
    install = steps(uv, policy, PLACE, [])[1]
    assert install[install.index("--index-url") + 1] == "https://example.com/simple"
    assert install[install.index("--find-links") + 1] == str(tmp_path / "wheels")


def test_an_address_of_a_folder_of_wheels_stays_as_it_is():
    policy = EnvironmentPolicy(find_links="https://example.com/wheels")
    assert policy.absolute() == policy


def test_an_installer_sees_nothing_of_the_hosts_environment_but_its_certificates():
    host = {
        "AWS_SECRET_ACCESS_KEY": "x",
        "PIP_INDEX_URL": "https://u:p@example.com",
        "SSL_CERT_FILE": "/c.pem",
    }
    env = installers_environment(Path("/home"), Path("/tmp/x"), None, host)
    assert set(env) == {"PATH", "HOME", "TMPDIR", "LANG", "SSL_CERT_FILE"}
