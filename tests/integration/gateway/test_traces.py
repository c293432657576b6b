"""A trace goes through the host: from the caller to the plugin, and to a collector of OpenTelemetry."""

from __future__ import annotations

import http.server
import threading
from pathlib import Path

import pytest

from tests.integration.gateway.serving import serving

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OPTIMIZE = {
    "id": "t1",
    "type": "resource",
    "data": {"items": [{"id": "a", "cpu": 1}], "nodeCapacity": {"cpu": 2}},
}


class Collector(http.server.BaseHTTPRequestHandler):
    """Takes whatever is sent."""

    bodies: list[bytes]
    arrived: threading.Event

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.arrived.set()
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Says nothing."""


def test_spans_reach_a_collector_with_the_callers_trace(tmp_path: Path) -> None:
    pytest.importorskip(
        "opentelemetry.exporter.otlp.proto.http", reason="NO OPENTELEMETRY: the extra otel is not installed"
    )
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    Collector.bodies, Collector.arrived = [], threading.Event()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{collector.server_port}/v1/traces"
        with serving(tmp_path, ENGINE_OPS_TRACING_OTLP_ENDPOINT=endpoint) as host:
            _, _, headers = host.ask("/api/v1/optimize", OPTIMIZE, traceparent=CALLER)
            assert host.stop() == 0
        assert Collector.arrived.wait(30)
        collector.shutdown()
    spans = [
        span
        for body in Collector.bodies
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    (mine,) = [span for span in spans if span.name == "POST /api/v1/optimize"]
    assert mine.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert mine.parent_span_id.hex() == "b7ad6b7169203331"
    assert headers["traceparent"] == f"00-{mine.trace_id.hex()}-{mine.span_id.hex()}-01"


def test_a_plugin_is_asked_as_part_of_the_callers_trace(tmp_path: Path) -> None:
    folder = tmp_path / "plugins" / "echo"
    folder.mkdir(parents=True)
    (folder / "plugin.toml").write_text(
        '[plugin]\nname = "echo"\nversion = "1.0.0"\nhandles = ["ml-driven"]\ncommand = ["/bin/sh", "plugin.sh"]\n'
    )
    # Answers every call with the line that asked, so that what came is seen.
    (folder / "plugin.sh").write_text(
        r"""
while read -r line; do
  id=${line#*\"id\":}; id=${id%%[,\}]*}
  trace=${line#*\"traceparent\":\"}; trace=${trace%%\"*}
  case "$line" in
    *'"initialize"'*) result='{"protocol":1,"plugin":{"name":"echo","version":"1.0.0"},"capabilities":{"predict":{}}}' ;;
    *'"predict"'*) result="{\"prediction\":{\"x\":1},\"metadata\":{\"trace\":\"$trace\"}}" ;;
    *) result='{}' ;;
  esac
  printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$result"
done
"""
    )
    with serving(tmp_path) as host:
        for _ in range(600):
            if host.rpc("plugins.get", {"name": "echo"})["result"]["state"] == "ready":
                break
            threading.Event().wait(0.05)
        answer = host.rpc("plugins.predict", {"name": "echo", "input": {}}, traceparent=CALLER)
        came = answer["result"]["metadata"]["trace"]
        assert came.split("-")[1] == "0af7651916cd43dd8448eb211c80319c"
        assert came.split("-")[2] not in CALLER
        own = host.rpc("plugins.predict", {"name": "echo", "input": {}})["result"]["metadata"]["trace"]
        assert "0af7651916cd43dd8448eb211c80319c" not in own
        assert host.stop() == 0
