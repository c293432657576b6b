"""What is wrong with an answer by the host's own rules: the same reading and checks that the engine uses."""

from __future__ import annotations

from host.engine.checks.table import checks_for
from host.engine.replies import Declined, ReplyError, read_reply
from host.solvers.stop import never
from plugin_sdk.contract.problems import OptimizeRequest, parse_problem
from plugin_sdk.testing.conformance.samples import Sample


def verify(sample: Sample, method: str, result: bytes) -> str | None:
    """What the engine would say of a plugin's *result*; `None` when it would take it."""
    request = OptimizeRequest(id="check", type=sample.type, data=sample.data, constraints=sample.constraints)
    problem = parse_problem(request)
    try:
        reply = read_reply(problem, method, result)
    except ReplyError as error:
        return str(error)
    if isinstance(reply, Declined):
        return None
    return checks_for(problem).assess(problem, reply.answer, never).verdict.broken
