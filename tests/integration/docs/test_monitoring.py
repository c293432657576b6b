"""The alert rules and the dashboard are what Prometheus takes, and use figures that the host has."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.integration.docs.pages import DOCS
from tests.integration.gateway.serving import serving

FOLDER = DOCS / "monitoring"
RULES = FOLDER / "engine-ops.rules.yml"
SUFFIX = re.compile(r"_(bucket|sum|count)$")


def promtool(*args: str, stdin: bytes | None = None) -> str:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip(
            "NO PROMTOOL on this machine (Debian's package prometheus): rules and figures were not checked by it"
        )
    done = subprocess.run(
        [program, *args], cwd=FOLDER, input=stdin, capture_output=True, timeout=60, check=False
    )
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said


def figures() -> set[str]:
    """Every figure of the reference page."""
    page = (DOCS / "reference" / "metrics.md").read_text()
    return set(re.findall(r"^\| `(engine_ops_\w+)", page, re.MULTILINE))


def used(text: str) -> set[str]:
    return {SUFFIX.sub("", name) for name in re.findall(r"engine_ops_\w+", text)}


def test_the_rules_are_rules() -> None:
    assert re.search(r"SUCCESS: \d+ rules found", promtool("check", "rules", str(RULES)))


def test_the_alerts_fire_when_they_should_and_not_else() -> None:
    promtool("test", "rules", "engine-ops.test.yml")


def test_the_scrape_configuration_of_the_page_is_one(tmp_path: Path) -> None:
    page = (DOCS / "how-to" / "monitor.md").read_text()
    text = page.split("```yaml file=prometheus.yml\n")[1].split("```")[0]
    (tmp_path / "prometheus.yml").write_text(text)
    shutil.copy(RULES, tmp_path)
    promtool("check", "config", str(tmp_path / "prometheus.yml"))


def test_a_live_scrape_is_as_prometheus_wants_it_and_has_every_figure(tmp_path: Path) -> None:
    with serving(tmp_path) as host:
        data = {"items": [{"id": "a", "cpu": 1}], "nodeCapacity": {"cpu": 2}}
        host.rpc("engine.optimize", {"id": "1", "type": "resource", "data": data})
        with urllib.request.urlopen(f"{host.url}/metrics", timeout=30) as response:
            scrape = response.read()
    said = set(re.findall(rb"^# TYPE (engine_ops_\w+)", scrape, re.MULTILINE))
    assert {name.decode() for name in said} == figures()
    promtool("check", "metrics", stdin=scrape)


def test_rules_and_dashboard_use_figures_that_there_are() -> None:
    dashboard = json.loads((FOLDER / "dashboard.json").read_text())
    asked = "\n".join(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
    assert used(RULES.read_text()) <= figures()
    assert used(asked) <= figures()
    # What there is to see is to be seen: all but what stands for the build and for time inside other figures.
    assert figures() - used(asked) <= {
        "engine_ops_build_info",
        "engine_ops_loop_stall_seconds",
        "engine_ops_history_durable",
        "engine_ops_cache_evictions_total",
        "engine_ops_cache_size",
        "engine_ops_plugin_calls_total",
        "engine_ops_plugin_failures_total",
        "engine_ops_plugin_late_total",
        "engine_ops_plugin_restarts_total",
    }
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
