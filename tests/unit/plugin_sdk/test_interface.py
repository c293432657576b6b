from __future__ import annotations

import pytest

from plugin_sdk import BaseMLModel, MLPluginInterface, PluginMetadata, PredictionResult


class Model(BaseMLModel):
    def train(self, data):
        self.seen = len(data)
        self.is_trained = True

    def predict(self, input_data):
        return PredictionResult(input_data, 1.0, self.model_id)


class Plugin(MLPluginInterface):
    def optimize(self, request_data, historical_data=None):
        return {"success": True, "result": request_data}


def plugin(types: list[str] | None = None) -> Plugin:
    return Plugin(PluginMetadata("p", "1.0.0", "tries", supported_types=types), Model("m"))


def test_training_before_init_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"not initialized; call init\(\)"):
        plugin().train_model([])


def test_init_takes_the_configuration_and_shutdown_ends_it() -> None:
    one = plugin()
    one.init({"depth": 3})
    assert (one.is_initialized, one.config) == (True, {"depth": 3})
    one.train_model([1, 2])  # type: ignore[list-item]
    assert one.model.seen == 2
    one.shutdown()
    assert one.is_initialized is False


def test_it_handles_its_types_or_all_when_it_names_none() -> None:
    assert plugin(["resource"]).can_handle("resource")
    assert not plugin(["resource"]).can_handle("scheduling")
    assert plugin().can_handle("scheduling")


def test_its_info_shows_plugin_and_model() -> None:
    assert plugin(["resource"]).get_info() == {
        "plugin": {
            "name": "p",
            "version": "1.0.0",
            "description": "tries",
            "author": None,
            "supported_types": ["resource"],
        },
        "model": {"model_id": "m", "is_trained": False, "training_metadata": {}},
        "is_initialized": False,
    }
