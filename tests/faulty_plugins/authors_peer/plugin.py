"""A small plugin without an SDK that does everything right, but for the one fault its argument names.

Without an argument it passes every check; so what a check says of it, it says of the fault.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import time

FAULT = sys.argv[1] if len(sys.argv) > 1 else "none"
METHODS = ("train", "backtest", "adopt", "save", "learn", "predict", "score", "optimize", "describe")
TYPES = {"resource", "scheduling", "performance", "ml-driven"}


class Refused(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Peer:
    def __init__(self) -> None:
        self.wire = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(2, 1)
        self.ready = self.ended = False
        self.learned = 0.0
        self.trained = 0
        self.calls = 0
        self.kept: list[bytes] = []

    # --- the methods

    def initialize(self, params):
        if FAULT == "silent-start":
            time.sleep(60)
        if FAULT == "dies-at-start":
            sys.exit("there is no library of that name")
        if FAULT == "refuses-to-start":
            raise Refused(-32016, "config.level is missing")
        low, high = params["protocol"]["min"], params["protocol"]["max"]
        if not low <= 1 <= high and FAULT != "takes-any-version":
            raise Refused(-32009, "this plugin speaks protocol 1")
        if FAULT == "refuses-unknown-members" and "futureMember" in params:
            raise Refused(-32602, "futureMember is not known")
        self.ready = True
        capabilities = {name: {} for name in METHODS}
        capabilities["train"] = {"candidate": True}
        answer = {"protocol": 1, "plugin": {"name": "peer", "version": "1.0.0"}, "capabilities": capabilities}
        if "state" in params:
            answer["state"] = self.restore(params["state"])
        if FAULT == "protocol-2":
            answer["protocol"] = 2
        if FAULT == "highest-version":
            answer["protocol"] = high
        if FAULT == "unknown-capability":
            capabilities["dance"] = {}
        if FAULT == "no-capability":
            capabilities.clear()
        if FAULT == "negative-min-points":
            capabilities["train"] = {"minPoints": -1}
        if FAULT == "wider-handles":
            answer["handles"] = ["resource", "cooking"]
        if FAULT == "no-plugin":
            del answer["plugin"]
        return answer

    def restore(self, state):
        if FAULT == "forgets-what-it-saved":
            return {"restored": True}
        if FAULT == "refuses-what-it-saved":
            return {"restored": False, "reason": "it is too old"}
        if FAULT == "dies-of-a-strange-state" or state["format"] == "float":
            self.learned = float(base64.b64decode(state["data"]))
            self.trained = 1
            return {"restored": True}
        return {"restored": False, "reason": "it is of another format"}

    def save(self, _params):
        if FAULT == "saves-no-base64":
            return {"data": "%%%", "format": "float"}
        return {"data": base64.b64encode(repr(self.learned).encode()).decode(), "format": "float"}

    def backtest(self, params):
        found = [{"expected_duration": self.learned}] * len(params["inputs"])
        return {"serving": found, "candidate": found[:-1] if FAULT == "a-prediction-too-few" else found}

    def adopt(self, params):
        return {"adopted": "yes" if FAULT == "adopts-with-a-word" else params["accept"]}

    def ping(self, _params):
        return {}

    def describe(self, _params):
        if FAULT == "describes-a-list":
            return ["a", "b"]
        return {"what": "a peer"}

    def learn(self, params):
        if FAULT == "accepts-a-text":
            return {"accepted": "all"}
        if FAULT == "accepts-too-many":
            return {"accepted": len(params["points"]) + 1}
        return {"accepted": len(params["points"])}

    def train(self, params):
        points = params["points"]
        if FAULT == "trains-without-word":
            return {"size": len(points)}
        if FAULT == "fails-to-train":
            raise Refused(-32016, "KeyError: 'user'")
        if FAULT == "never-trains":
            return {"trained": False, "reason": "it would rather not"}
        if not points:
            return {"trained": False, "size": 0}
        mean = sum(point["duration"] for point in points) / len(points)
        self.learned = self.learned / 2 + mean if FAULT == "remembers-old-trainings" else mean
        if FAULT == "differs-each-time":
            self.learned += int.from_bytes(os.urandom(2), "big")
        self.trained += 1
        return {"trained": True, "size": len(points)}

    def predict(self, params):
        said = params["input"]
        if FAULT == "fails-cold" and not self.trained:
            raise Refused(-32016, "AttributeError: no attribute 'mean'")
        if not isinstance(said, dict) or not ({"workload_size", "user", "horizonMs"} & said.keys()):
            if FAULT == "fails-instead-of-no":
                raise Refused(-32016, "KeyError: 'workload_size'")
            if FAULT == "half-abstains":
                return {"abstained": True, "prediction": 1.0}
            if FAULT == "no-for-an-answer":
                return None
            return {"abstained": True, "reason": "nothing to go by"}
        answer = {"prediction": {"expected_duration": self.learned}, "confidence": 0.5}
        if FAULT == "predicts-a-text":
            answer["prediction"] = "soon"
        if FAULT == "too-sure":
            answer["confidence"] = 2.0
        if FAULT == "quantiles-cross":
            answer["quantiles"] = {"0.1": 5.0, "0.9": 1.0}
        if FAULT == "always-abstains":
            return {"abstained": True}
        return answer

    def score(self, params):
        task = params["task"]
        if not isinstance(task, dict) or task.get("kind") not in ("task", "queue"):
            return {"abstained": True}
        scores = [float(index) for index, _ in enumerate(params["candidates"])]
        if FAULT == "a-score-too-few":
            scores = scores[:-1]
        if FAULT == "scores-are-texts":
            scores = [str(each) for each in scores]
        return {"scores": scores}

    def optimize(self, params):
        data = params["data"]
        if not isinstance(data, dict) or params.get("type") != "resource" or "nodes" in data:
            return {"abstained": True}
        if FAULT == "result-left-out":
            return {"nodes": []}
        if FAULT == "result-without-nodes":
            return {"result": {"unplacedItems": []}}
        names = [item["id"] for item in data["items"]]
        if FAULT == "all-on-one-node":
            return {"result": {"nodes": [{"id": "node-1", "items": names}], "unplacedItems": []}}
        if FAULT == "slow" and len(names) > 50:
            time.sleep(0.35)
        if FAULT == "too-slow" and len(names) > 50:
            time.sleep(3.0)
        return {"result": {"nodes": [], "unplacedItems": names}}

    def shutdown(self, _params):
        self.ended = True
        return {}

    # --- the wire

    def answer(self, message):
        method, params = message["method"], message.get("params")
        params = {} if params is None else params
        if not isinstance(method, str) or not isinstance(params, dict):
            raise Refused(-32602, "give an object")
        if method not in ("initialize", "ping", "shutdown", *METHODS):
            raise Refused(-32601, f"there is no method {method}")
        if not self.ready and method not in ("initialize", "ping", "shutdown"):
            if FAULT == "answers-before-initialize":
                return {"scores": []}
            raise Refused(-32001, "send initialize first")
        if method == "initialize" and self.ready:
            raise Refused(-32600, "initialize came twice")
        meta = params.get("_meta") or {}
        if FAULT == "hangs-when-late" and meta.get("deadlineMs", 1e9) < 5:
            time.sleep(60)
        try:
            return getattr(self, method)(params)
        except Refused:
            raise
        except Exception as error:
            if FAULT == "dies-of-bad-params":
                raise
            raise Refused(-32602, repr(error)) from error

    def say(self, request_id, **more):
        self.wire.write(json.dumps({"jsonrpc": "2.0", "id": request_id, **more}).encode() + b"\n")

    def take(self, line):
        if not line.strip():
            return
        try:
            message = json.loads(line.decode())
        except (ValueError, RecursionError):
            if FAULT == "dies-of-bad-lines":
                raise
            self.say(None, error={"code": -32700, "message": "it is not JSON"})
            return
        if not isinstance(message, dict) or "method" not in message:
            return
        request_id = message.get("id")
        if "id" not in message:
            if FAULT == "answers-notifications":
                self.say(0, result={})
            if FAULT == "forgets-cancelled-calls" and message["method"] == "$/cancelRequest":
                return
            return
        if not isinstance(request_id, int | str) or isinstance(request_id, bool):
            self.say(None, error={"code": -32600, "message": "an id is a text or an integer"})
            return
        self.reply(message, request_id)

    def reply(self, message, request_id):
        self.calls += 1
        if FAULT == "leaks":
            self.kept.append(os.urandom(3000))
        if FAULT == "dies-after-many" and self.calls > 1500:
            os.abort()
        if FAULT == "text-ids-become-numbers" and isinstance(request_id, str) and request_id.isdigit():
            request_id = int(request_id)
        if FAULT == "prints" and message["method"] == "predict":
            self.wire.write(b"predicting...\n")
        if FAULT == "drops-every-seventh" and self.calls % 7 == 0:
            return
        try:
            result = self.answer(message)
        except Refused as error:
            self.say(request_id, error={"code": error.code, "message": str(error)})
            return
        self.say(request_id, result=result)
        if FAULT == "answers-twice" and message["method"] == "score":
            self.say(request_id, result=result)

    def run(self):
        cancelled: set[int] = set()
        for line in iter(sys.stdin.buffer.readline, b""):
            if FAULT == "never-answers-cancelled":
                # Looks one line ahead, and drops a call that is cancelled at once.
                following = self.ahead(line)
                if following is not None:
                    cancelled.add(following)
                    continue
            self.take(line)
            if self.ended:
                break
        if FAULT == "stays-at-the-end" and not self.ended:
            time.sleep(120)
        if FAULT == "stays-after-shutdown" and self.ended:
            time.sleep(120)
        if FAULT == "exits-with-1":
            sys.exit(1)

    def ahead(self, line):
        if b'"method":"ping"' in line or b'"initialize"' in line or b'"id"' not in line:
            return None
        following = sys.stdin.buffer.readline()
        if b"$/cancelRequest" in following:
            return json.loads(line)["id"]
        self.take(line)
        self.take(following)
        return -1


if FAULT == "too-large":
    ballast = bytearray(os.urandom(1)) * (64 * 2**20)
Peer().run()
