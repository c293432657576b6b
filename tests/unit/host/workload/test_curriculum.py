"""When a plugin is due to be trained."""

from __future__ import annotations

import pytest

from host.workload.curriculum import Since, due
from plugin_sdk.contract.training import TrainingPolicy

DEFAULT = TrainingPolicy()


@pytest.mark.parametrize(
    ("policy", "since", "said"),
    [
        (DEFAULT, Since(9, 0, 1e9, True), None),
        (DEFAULT, Since(10, 0, 0.0, False), "has not been trained"),
        (DEFAULT, Since(149, 100, 1e9, False), None),
        (DEFAULT, Since(150, 100, 0.0, False), "grown from 100 to 150"),
        (DEFAULT, Since(101, 100, 0.0, True), "drifted"),
        (DEFAULT, Since(100, 100, 1e9, True), None),
        (TrainingPolicy(on_drift=False), Since(101, 100, 0.0, True), None),
        (TrainingPolicy(every_points=20), Since(119, 100, 1e9, False), None),
        (TrainingPolicy(every_points=20), Since(120, 100, 0.0, False), "20 points"),
        (TrainingPolicy(every_points=2000), Since(1000, 100, 0.0, False), None),
        (TrainingPolicy(every_s=60.0), Since(101, 100, 59.0, False), None),
        (TrainingPolicy(every_s=60.0), Since(101, 100, 60.0, False), "60 s have passed"),
        (TrainingPolicy(growth=0.1, every_s=60.0), Since(110, 100, 1.0, False), "grown"),
        (TrainingPolicy(by_hand=True), Since(1000, 0, 1e9, True), None),
    ],
)
def test_any_of_its_reasons_will_do_and_no_other(policy, since, said):
    why = due(policy, since, least=10, growth=0.5)
    assert (why is None) if said is None else (said in why)
