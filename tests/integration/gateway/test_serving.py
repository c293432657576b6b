"""A host as an operator runs it: exposed to other machines, told a new configuration, stopped, taken over."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.integration.gateway.serving import Process, engine_ops, refused, serving

OPTIMIZE = {
    "id": "r1",
    "type": "resource",
    "data": {"items": [{"id": "a", "cpu": 1}], "nodeCapacity": {"cpu": 2}},
}


def eventually(condition, within_s: float = 30.0) -> None:
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def new_token(folder: Path, role: str) -> str:
    made = engine_ops(folder, "token", "new", f"a-{role}", "--role", role, "--data", "data")
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def test_other_machines_reach_a_host_only_with_data_tokens_and_tls(tmp_path) -> None:
    without_data = refused(tmp_path, "--bind", "0.0.0.0")
    assert (without_data.returncode, "--data DIR" in without_data.stderr) == (2, True)
    without_tokens = refused(tmp_path, "--bind", "0.0.0.0", "--data", "data")
    assert (without_tokens.returncode, "engine-ops token new" in without_tokens.stderr) == (2, True)
    new_token(tmp_path, "admin")
    without_tls = refused(tmp_path, "--bind", "0.0.0.0", "--data", "data")
    assert (without_tls.returncode, "--insecure-behind-proxy" in without_tls.stderr) == (2, True)
    with serving(tmp_path, "--bind", "0.0.0.0", "--data", "data", "--insecure-behind-proxy") as host:
        reached = Process(host.popen, f"http://127.0.0.1:{host.port}", host.log_path)
        assert reached.ask("/api/v1/health")[0] == 401
        assert reached.ask("/livez")[0] == 200


def test_tokens_roles_and_the_record_of_changes(tmp_path) -> None:
    read, operate, admin = (new_token(tmp_path, role) for role in ("read", "operate", "admin"))
    with serving(tmp_path, "--data", "data") as host:
        status, said, headers = host.ask("/rpc", {"jsonrpc": "2.0", "id": 1, "method": "host.health"})
        assert (status, said["error"]["code"], headers["www-authenticate"][:6]) == (401, -32013, "Bearer")
        assert host.ask("/api/v1/health", Authorization=f"Bearer {read}x")[0] == 401
        assert host.ask(f"/api/v1/health?token={read}")[0] == 401
        # Refused before the body is read, also by a client that waits to be told to send it.
        with socket.create_connection(("127.0.0.1", host.port), timeout=30) as waits:
            waits.sendall(
                b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Expect: 100-continue\r\nContent-Length: 1000000\r\n\r\n"
            )
            assert waits.recv(65536).startswith(b"HTTP/1.1 401")
        bearer = {
            role: f"Bearer {text}" for role, text in (("read", read), ("operate", operate), ("admin", admin))
        }
        assert host.rpc("host.health", Authorization=bearer["read"])["result"]["status"] == "ok"
        forbidden = host.rpc("engine.optimize", OPTIMIZE, Authorization=bearer["read"])["error"]
        assert (forbidden["code"], forbidden["data"]["kind"]) == (-32019, "forbidden")
        assert "operate" in forbidden["data"]["hint"]
        assert host.ask("/api/v1/optimize", OPTIMIZE, Authorization=bearer["read"])[0] == 403
        answer = host.rpc("engine.optimize", OPTIMIZE, Authorization=bearer["operate"])
        assert answer["result"]["success"]
        host.rpc("plugins.disable", {"name": "nobody"}, Authorization=bearer["operate"])
        assert host.rpc("host.audit", Authorization=bearer["operate"])["error"]["code"] == -32019
        (change,) = host.rpc("host.audit", Authorization=bearer["admin"])["result"]["changes"]
        assert (change["what"], change["target"], change["outcome"]) == (
            "plugins.disable",
            "nobody",
            "notFound",
        )
        assert change["who"].startswith("a-operate (")
        asked = engine_ops(tmp_path, "call", "host.health", "--url", host.url, ENGINE_OPS_TOKEN=read)
        assert asked.returncode == 0
        assert engine_ops(tmp_path, "token", "revoke", "a-read", "--data", "data").returncode == 0
        assert host.ask("/api/v1/health", Authorization=bearer["read"])[0] == 401
        assert host.stop() == 0
    whole = host.log + (tmp_path / "data" / "audit.ndjson").read_text()
    assert not any(text.split("_", 2)[2] in whole for text in (read, operate, admin))
    lines = [json.loads(line) for line in (tmp_path / "data" / "audit.ndjson").read_text().splitlines()]
    assert [each["what"] for each in lines] == ["token.new"] * 3 + ["plugins.disable", "token.revoke"]
    listed = engine_ops(tmp_path, "token", "list", "--data", "data", "--json")
    assert [each["state"] for each in json.loads(listed.stdout)["tokens"]] == ["revoked", "holds", "holds"]


def test_over_tls_the_certificate_is_renewed_without_a_restart(tmp_path) -> None:
    for number in (1, 2):
        made = subprocess.run(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost "
            f"-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout key{number}.pem -out cert{number}.pem",
            shell=True,
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )
        if made.returncode != 0:
            pytest.skip("NO OPENSSL on this machine: TLS was not tried")
    for name in ("cert", "key"):
        (tmp_path / f"{name}1.pem").rename(tmp_path / f"{name}.pem")
    missing = refused(tmp_path, "--tls-cert", "cert.pem", "--tls-key", "absent.pem")
    assert (missing.returncode, "absent.pem" in missing.stderr) == (2, True)
    with serving(tmp_path, "--tls-cert", "cert.pem", "--tls-key", "key.pem") as host:
        assert host.url.startswith("https://")

        def asked_with(certificate: str) -> bool:
            host.context = ssl.create_default_context(cafile=str(tmp_path / certificate))
            try:
                status, _, headers = host.ask("/livez")
            except OSError:
                return False
            return status == 200 and "strict-transport-security" in headers

        assert asked_with("cert.pem")
        assert not asked_with("cert2.pem")
        for name in ("cert", "key"):
            (tmp_path / f"{name}2.pem").replace(tmp_path / f"{name}.pem")
        host.popen.send_signal(signal.SIGHUP)
        eventually(lambda: asked_with("cert.pem"))
        assert host.stop() == 0


def test_a_new_configuration_is_taken_on_sighup_and_a_wrong_one_changes_nothing(tmp_path) -> None:
    file = tmp_path / "engine-ops.toml"
    file.write_text('[gateway]\nallowed_hosts = ["one.example"]\n[engine]\ncache_entries = 10\n')
    with serving(tmp_path, "--data", "data") as host:
        assert host.ask("/livez", Host="one.example")[0] == 200
        assert host.ask("/livez", Host="two.example")[0] == 403
        file.write_text('[gateway]\nallowed_hosts = ["two.example"]\n[engine]\ncache_entries = 20\n')
        host.popen.send_signal(signal.SIGHUP)
        eventually(lambda: host.ask("/livez", Host="two.example")[0] == 200)
        file.write_text("[gateway]\nallowed_hosts = 3\n")
        host.popen.send_signal(signal.SIGHUP)
        eventually(lambda: "config.not_reloaded" in host.log)
        assert host.ask("/livez", Host="two.example")[0] == 200
        (change,) = host.rpc("host.audit")["result"]["changes"]
        assert change["after"] == {"gateway.allowed_hosts": ["two.example"]}
        assert host.stop() == 0
    assert '"at_the_next_start":["engine.cache_entries"]' in host.log


def test_a_host_that_stops_is_not_ready_finishes_what_it_is_at_and_ends_with_0(tmp_path) -> None:
    with serving(tmp_path, "--data", "data") as host:
        # A request whose body is still coming when the host is told to stop.
        body = json.dumps(OPTIMIZE).encode()
        with socket.create_connection(("127.0.0.1", host.port), timeout=30) as slow:
            head = f"POST /api/v1/optimize HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            slow.sendall(head.encode() + body[:10])
            assert host.ask("/readyz")[0] == 200
            host.popen.send_signal(signal.SIGTERM)
            eventually(lambda: "host.stopping" in host.log)
            assert host.ask("/readyz")[:2] == (
                503,
                {"status": "not ready", "reasons": ["the host is stopping"]},
            )

            def refuses() -> bool:
                try:
                    socket.create_connection(("127.0.0.1", host.port), timeout=30).close()
                except ConnectionRefusedError:
                    return True
                return False

            eventually(refuses)
            assert host.popen.poll() is None
            slow.sendall(body[10:])
            assert slow.recv(65536).startswith(b"HTTP/1.1 200")
        assert host.popen.wait(timeout=60) == 0


def test_a_second_signal_ends_it_at_once(tmp_path) -> None:
    with serving(tmp_path) as host, socket.create_connection(("127.0.0.1", host.port)) as slow:
        slow.sendall(
            b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
        )
        eventually(lambda: host.ask("/livez")[0] == 200)
        host.popen.send_signal(signal.SIGTERM)
        eventually(lambda: "host.stopping" in host.log)
        assert host.stop(signal.SIGINT) == 128 + signal.SIGINT


@pytest.mark.parametrize("history", ["of their own", "shared"])
def test_one_host_takes_the_port_over_from_another_without_a_refused_connection(tmp_path, history) -> None:
    data = ["--data", "data"] if history == "shared" else []
    with serving(tmp_path, *data) as old:
        taken = refused(tmp_path, "--port", str(old.port))
        assert (taken.returncode, "in use" in taken.stderr) == (1, True)
        failures: list[BaseException] = []
        pids: set[int] = set()
        done = threading.Event()

        def ask_on_and_on() -> None:
            while not done.is_set():
                try:
                    pids.add(old.rpc("host.info")["result"]["pid"])
                except BaseException as error:
                    failures.append(error)

        askers = [threading.Thread(target=ask_on_and_on) for _ in range(3)]
        for each in askers:
            each.start()
        try:
            eventually(lambda: old.popen.pid in pids)

            def stop_the_old_one(log: Path) -> None:
                if data:
                    eventually(lambda: "serving.waiting" in log.read_text())
                    assert old.stop() == 0

            flags = ["--port", str(old.port), "--take-over", *data]
            with serving(tmp_path, *flags, meanwhile=stop_the_old_one) as new:
                eventually(lambda: new.popen.pid in pids)
                if not data:
                    assert old.stop() == 0
                for _ in range(50):
                    assert new.rpc("host.info")["result"]["pid"] == new.popen.pid
                done.set()
                for each in askers:
                    each.join()
                assert new.stop() == 0
        finally:
            done.set()
            for each in askers:
                each.join()
        assert failures == []


def test_settings_are_shown_with_their_origin(tmp_path) -> None:
    (tmp_path / "engine-ops.toml").write_text("[serve]\nport = 4000\n")
    shown = engine_ops(tmp_path, "config", "show", "--origin", "--json", ENGINE_OPS_CALLS_QUEUED="5")
    rows = {each["key"]: each for each in json.loads(shown.stdout)}
    assert rows["serve.port"] == {"key": "serve.port", "value": 4000, "origin": "engine-ops.toml"}
    assert rows["calls.queued"]["origin"] == "environment ENGINE_OPS_CALLS_QUEUED"
    assert rows["serve.bind"]["origin"] == "default"
    wrong = engine_ops(tmp_path, "config", "show", ENGINE_OPS_SERVE_PROT="5")
    assert (wrong.returncode, "did you mean ENGINE_OPS_SERVE_PORT" in wrong.stderr) == (2, True)
    assert json.loads(engine_ops(tmp_path, "config", "schema").stdout)["title"] == "engine-ops.toml"
    assert json.loads(engine_ops(tmp_path, "config", "schema", "manifest").stdout)["title"] == "plugin.toml"
