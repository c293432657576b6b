"""The runner as a process: what the host sees on its pipes, whatever the author's code does."""

from __future__ import annotations

import subprocess
import sys

from plugin_sdk.contract.errors import ErrorCode
from tests.integration.plugin_sdk.running import BOUND_S, GATE, request


def test_whatever_is_printed_goes_to_the_log_and_not_into_the_protocol(start) -> None:
    plugin = start("""
        import os, subprocess, sys
        print("at import")
        os.write(1, b"raw\\n")
        os.system("echo from a child")
        class P:
            def predict(self, x):
                print("in a call")
                sys.stdout.write('{"jsonrpc":"2.0","id":5,"result":"forged"}\\n')
                subprocess.run(["sh", "-c", "cat; echo child again"])
                return sys.stdin.read()
        """)
    assert plugin.call(5, "predict", input=1)["result"]["prediction"] == ""
    plugin.within(lambda: "child again" in plugin.log.read_text())
    log = plugin.log.read_text()
    assert all(said in log for said in ("at import", "raw", "from a child", "in a call", "forged"))


def test_a_forked_child_that_runs_on_neither_answers_nor_reads(start) -> None:
    plugin = start("""
        import os
        class P:
            def predict(self, x):
                if x == "fork":
                    os.fork()
                return os.getpid()
        """)
    pids = [
        plugin.call(n, "predict", input=what)["result"]["prediction"] for n, what in enumerate(("fork", 1, 2))
    ]
    assert pids == [plugin.process.pid] * 3


def test_nothing_but_initialize_is_answered_first_and_it_only_once(start) -> None:
    plugin = start("class P:\n    def predict(self, x): return x", ready=False)
    assert plugin.call(1, "predict", input=1)["error"]["code"] == ErrorCode.NOT_INITIALIZED
    assert plugin.call(2, "ping")["result"] == {}
    assert plugin.call(3, "initialize", protocol=1)["error"]["code"] == ErrorCode.INVALID_PARAMS
    assert plugin.initialize()["result"]["capabilities"] == {"describe": {}, "predict": {"batch": True}}
    assert plugin.initialize()["error"]["code"] == ErrorCode.INVALID_REQUEST


def test_another_protocol_is_refused_and_the_process_ends(start) -> None:
    plugin = start("class P:\n    def predict(self, x): return x", ready=False)
    answer = plugin.initialize(protocol={"min": 2, "max": 3})
    assert answer["error"]["code"] == ErrorCode.UNSUPPORTED_VERSION
    assert plugin.exited() == 1


def test_a_module_that_does_not_import_answers_initialize_and_logs_the_traceback(start) -> None:
    plugin = start("x = 1\nimport not_there_at_all", ready=False)
    error = plugin.initialize()["error"]
    assert error["code"] == ErrorCode.PLUGIN_ERROR
    assert "plugin.py, line 2: ModuleNotFoundError: No module named 'not_there_at_all'" in error["message"]
    assert "not_there_at_all" in error["data"]["cause"]
    assert plugin.exited() == 1
    assert "Traceback" in plugin.log.read_text()


def test_what_the_authors_code_raises_is_answered_and_the_plugin_goes_on(start) -> None:
    plugin = start("""
        import sys
        class P:
            def predict(self, x):
                if x == "exit": sys.exit(3)
                if x == "memory": raise MemoryError
                if x == "nan": return {"a": float("nan")}
                if x == "big": return "x" * 2000
                return 1 / x
        """)
    error = plugin.call(1, "predict", input=0)["error"]
    assert (error["code"], error["message"]) == (
        ErrorCode.PLUGIN_ERROR,
        "ZeroDivisionError: division by zero",
    )
    assert plugin.call(2, "predict", input="exit")["error"]["message"] == "SystemExit: 3"
    assert plugin.call(3, "predict", input="memory")["error"]["code"] == ErrorCode.OUT_OF_MEMORY
    assert plugin.call(4, "predict", input="nan")["error"]["code"] == ErrorCode.BAD_RESULT
    assert plugin.call(5, "predict", input=2)["result"]["prediction"] == 0.5
    assert "in predict" in plugin.log.read_text()


def test_an_answer_over_the_hosts_frame_limit_is_held_back(start) -> None:
    plugin = start("class P:\n    def predict(self, x): return 'x' * x", ready=False)
    assert "result" in plugin.initialize(limits={"frameBytes": 1000})
    assert plugin.call(1, "predict", input=2000)["error"]["code"] == ErrorCode.FRAME_TOO_LARGE
    assert len(plugin.call(2, "predict", input=500)["result"]["prediction"]) == 500


def test_junk_from_the_host_is_answered_and_the_plugin_goes_on(start) -> None:
    plugin = start(GATE)
    plugin.send(b"rubbish", b'{"jsonrpc":"2.0","id":null,"result":1}', request(1, "ping"))
    error = plugin.receive()
    assert (error["id"], error["error"]["code"]) == (None, ErrorCode.PARSE_ERROR)
    assert plugin.receive()["id"] == 1
    assert "rubbish" in plugin.log.read_text()


def test_the_hosts_seed_decides_the_random_numbers(start) -> None:
    text = """
        import random
        class P:
            def predict(self, x):
                import numpy as np  # late, as many do
                return [random.random(), float(np.random.random())]
        """
    drawn = []
    for seed in (1, 1, 2):
        plugin = start(text, ready=False)
        plugin.initialize(seed=seed)
        drawn.append(plugin.call(1, "predict", input=0)["result"]["prediction"])
    assert drawn[0] == drawn[1]
    assert drawn[0][0] != drawn[2][0]
    assert drawn[0][1] != drawn[2][1]


def test_wrong_arguments_show_the_usage() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "plugin_sdk.runner", "--entry", "plugin:P"],
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("usage:")
    assert done.stdout == ""
