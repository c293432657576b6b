"""Many in one call: an outcome each, and the event loop's turn for others while they are written up."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from host.errors import CallLateError
from host.gateway.context import CallContext
from host.gateway.methods.engine import optimizing
from host.gateway.methods.plugins import predict_many
from host.gateway.traffic import Traffic
from plugin_sdk.contract.answers import Answer, AnswerMetrics
from plugin_sdk.contract.messages import Prediction
from tests.turns import turns_during

COUNT = 20_000


async def test_many_predictions_are_written_up_in_pieces_and_an_error_that_they_share_once():
    late = CallLateError("p", "no answer within 1000 ms")

    async def predicted(name, inputs, deadline_s):
        return [Prediction(1.0), *[late] * (COUNT - 1)]

    context = CallContext(SimpleNamespace(predict_many=predicted))
    params = predict_many.params(name="p", inputs=[{}] * COUNT)
    found, turns = await turns_during(predict_many.run(context, params))
    first, *rest = found.predictions
    assert first.prediction == 1.0 and len(rest) == COUNT - 1
    assert rest[0]["error"]["message"].endswith("no answer within 1000 ms")
    assert all(each is rest[0] for each in rest)
    assert turns >= 10


@pytest.mark.parametrize("well_formed", [True, False])
async def test_many_requests_are_read_and_told_of_in_pieces(well_formed):
    async def answered(requests, read_s):
        return [
            Answer(
                request_id=each.id,
                success=True,
                metrics=AnswerMetrics(1, 1.0),
                decided_by="builtin:x",
                strategy="best",
                degraded=False,
                candidates=[],
            )
            for each in requests
        ]

    heard = []
    traffic = Traffic(listeners=[lambda request, answer, seconds: heard.append(request.id)])
    many = next(each for each in optimizing(traffic) if each.name == "engine.optimizeMany")
    request = {"id": "r", "type": "scheduling", "data": {}}
    params = many.params(requests=[request if well_formed else {"id": "r"}] * 2_000)
    context = CallContext(SimpleNamespace(optimize_many=answered))
    found, turns = await turns_during(many.run(context, params))
    assert len(found.answers) == 2_000 and len(heard) == (2_000 if well_formed else 0)
    assert turns >= 20
