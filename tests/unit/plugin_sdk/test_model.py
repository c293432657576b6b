from __future__ import annotations

import copy

import pytest

from plugin_sdk import BaseMLModel, PredictionResult, WorkloadDataPoint
from plugin_sdk.model import result_from_mapping


class Mean(BaseMLModel):
    def train(self, data):
        self.mean = sum(p.duration for p in data) / len(data)

    def predict(self, input_data):
        return PredictionResult(self.mean, 0.5, self.model_id)


def points(count: int) -> list[WorkloadDataPoint]:
    return [WorkloadDataPoint(i, "resource", {"b": 2, "a": 1}, 3, i % 2 == 0) for i in range(count)]


def test_a_new_model_is_untrained_and_says_so() -> None:
    assert Mean("m").get_metadata() == {"model_id": "m", "is_trained": False, "training_metadata": {}}


def test_a_model_without_train_and_predict_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="abstract"):
        BaseMLModel("m")  # type: ignore[abstract]


def test_a_subclass_that_forgets_super_init_is_whole_all_the_same() -> None:
    class Forgetful(Mean):
        def __init__(self) -> None:
            self.other = 1

    first, second = Forgetful(), Forgetful()
    first.training_metadata["a"] = 1
    assert first.is_trained is False
    assert second.get_metadata() == {"model_id": "Forgetful", "is_trained": False, "training_metadata": {}}


@pytest.mark.parametrize(("count", "enough"), [(0, False), (9, False), (10, True)])
def test_ten_points_are_enough_to_train_on(count: int, enough: bool) -> None:
    assert Mean("m").validate_training_data(points(count)) is enough


def test_no_data_is_not_enough_and_a_subclass_may_ask_for_more() -> None:
    class Hungry(Mean):
        min_training_points = 50

    assert Mean("m").validate_training_data(None) is False
    assert Hungry("m").validate_training_data(points(49)) is False
    assert Hungry("m").validate_training_data(points(50)) is True


def test_preprocessing_gives_rows_of_numbers_and_labels() -> None:
    assert Mean("m").preprocess_data(points(2)) == ([[0.0, 3.0, 1.0, 2.0], [1.0, 3.0, 1.0, 2.0]], [1, 0])


def test_a_copy_of_a_trained_model_is_trained() -> None:
    model = Mean("m")
    model.train(points(3))
    model.is_trained = True
    twin = copy.deepcopy(model)
    assert (twin.model_id, twin.is_trained, twin.mean) == ("m", True, 3.0)


def test_a_result_takes_the_seeds_four_by_position() -> None:
    result = PredictionResult({"a": 1}, 0.9, "m")
    assert result.to_dict() == {"prediction": {"a": 1}, "confidence": 0.9, "model_id": "m", "metadata": {}}
    assert PredictionResult(1, 0.5, "m", {"k": 2}).metadata == {"k": 2}


def test_a_mapping_is_a_result_only_when_all_its_members_are_known() -> None:
    assert result_from_mapping({"prediction": 1, "modelId": "x"}) == PredictionResult(1, None, "x")
    assert result_from_mapping({"prediction": 1, "runtime": 2}) is None
    assert result_from_mapping({"confidence": 1}) is None
