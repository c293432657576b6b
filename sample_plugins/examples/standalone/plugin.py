"""A plugin of one file with no dependency but the standard library: what docs/reference/protocol.md asks for, by hand.

Alone, `python3 plugin.py --try` trains it on a few made-up points and asks it once.
"""

import json
import os
import sys
from statistics import fmean

FEWEST = 10
ABOUT = {"name": "standalone-mean", "version": "1.0.0"}


class RpcError(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Plugin:
    def __init__(self):
        self.ready = False
        self.mean_ms = None

    def initialize(self, params):
        versions = params["protocol"]
        if not versions["min"] <= 1 <= versions["max"]:
            raise RpcError(-32009, "this plugin speaks protocol 1")
        self.ready = True
        return {
            "protocol": 1,
            "plugin": ABOUT,
            "capabilities": {"train": {"minPoints": FEWEST}, "predict": {}},
        }

    def train(self, params):
        durations = [point["duration"] for point in params["points"] if point["success"]]
        if len(durations) < FEWEST:
            return {"trained": False, "size": 0, "reason": f"{len(durations)} successes; {FEWEST} are needed"}
        self.mean_ms = fmean(durations)
        return {"trained": True, "size": len(durations), "metrics": {"mean_ms": self.mean_ms}}

    def predict(self, params):
        size = params["input"].get("workload_size", 100)
        if self.mean_ms is None:
            return {"abstained": True, "reason": "not trained yet"}
        return {"prediction": {"expected_duration": self.mean_ms * size / 100}, "confidence": 0.4}

    def answer(self, method, params):
        if method in ("ping", "shutdown"):
            return {}
        if method != "initialize" and not self.ready:
            raise RpcError(-32001, "send initialize first")
        if method not in ("initialize", "train", "predict"):
            raise RpcError(-32601, f"there is no method {method}")
        try:
            return getattr(self, method)(params)
        except (KeyError, TypeError, AttributeError) as error:
            raise RpcError(-32602, f"the parameters of {method} cannot be used: {error!r}") from error


def serve():
    wire = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # stdout is for messages alone: from here on a print() goes to the log
    plugin = Plugin()
    for line in iter(sys.stdin.buffer.readline, b""):
        if not line.strip():
            continue
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = {"id": None, "method": None}
        if not isinstance(message, dict) or "method" not in message or "id" not in message:
            continue  # a notification, or nothing that an answer is owed to
        reply = {"jsonrpc": "2.0", "id": message["id"]}
        try:
            if message["method"] is None:
                raise RpcError(-32700, "it is not JSON")
            reply["result"] = plugin.answer(message["method"], message.get("params") or {})
        except RpcError as error:
            reply["error"] = {"code": error.code, "message": str(error)}
        wire.write(json.dumps(reply) + "\n")
        wire.flush()
        if message["method"] == "shutdown":
            return


def try_alone():
    plugin = Plugin()
    points = [{"duration": 1000 + 100 * n, "success": n % 5 != 0} for n in range(20)]
    print(plugin.train({"points": points}))
    print(plugin.predict({"input": {"workload_size": 200}}))


if __name__ == "__main__":
    try_alone() if sys.argv[1:] == ["--try"] else serve()
