"""The GPUs of a node as callers write them: how many there are, or how much of each is free."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plugin_sdk.contract.decode import ProblemError

WHOLE_GPU = 1000  # milli
GPU_COUNT_LIMIT = 1024  # of one node; a typing error would otherwise ask for a list of any length


def whole(value: object, path: str, low: int, high: int) -> int:
    """An integer in a range; 500.0 is one too.

    Raises:
        ProblemError: It is something else.
    """
    good = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
    if not good or int(value) != value:  # type: ignore[call-overload]  # `good` says it is a number
        raise ProblemError(path, value, f"an integer from {low} to {high}")
    return int(value)  # type: ignore[call-overload, no-any-return]


def free_gpus(sent: object, path: str) -> tuple[int, ...]:
    """Milli free of each GPU, from a number of whole GPUs or a list of what is free of each.

    Raises:
        ProblemError: It is neither.
    """
    if sent is None:
        return ()
    if isinstance(sent, list):
        if len(sent) > GPU_COUNT_LIMIT:
            raise ProblemError(path, len(sent), f"at most {GPU_COUNT_LIMIT} GPUs a node")
        return tuple(whole(_free(each), f"{path}[{i}]", 0, WHOLE_GPU) for i, each in enumerate(sent))
    if isinstance(sent, bool) or not isinstance(sent, int | float):
        raise ProblemError(path, sent, "how many whole GPUs it has, or a list of the milli free of each")
    return (WHOLE_GPU,) * whole(sent, path, 0, GPU_COUNT_LIMIT)


def gpus_of(has: Mapping[str, Any], where: str) -> tuple[tuple[int, ...], str | None]:
    """Milli free of each GPU of a node, and the model of them all where it is said.

    Either `gpus` and `gpuModel`, or `gpu` as a pod writes it: a number, or `{count, milli?, model?}`.

    Raises:
        ProblemError: What stands there cannot be used, or both stand there.
    """
    model, at = has.get("gpuModel"), f"{where}.gpuModel"
    if "gpu" not in has:
        free = free_gpus(has.get("gpus"), f"{where}.gpus")
    elif "gpus" in has:
        raise ProblemError(f"{where}.gpu", has["gpu"], "either gpu or gpus, not both")
    elif isinstance(has["gpu"], dict):
        sent = has["gpu"]
        extra = next((name for name in sent if name not in ("count", "milli", "model")), None)
        if extra is not None:
            raise ProblemError(f"{where}.gpu.{extra}", sent[extra], "only the members count, milli, model")
        count = whole(sent.get("count", 1), f"{where}.gpu.count", 0, GPU_COUNT_LIMIT)
        free = (whole(sent.get("milli", WHOLE_GPU), f"{where}.gpu.milli", 0, WHOLE_GPU),) * count
        if "model" in sent:
            model, at = sent["model"], f"{where}.gpu.model"
    else:
        free = free_gpus(has["gpu"], f"{where}.gpu")
    if model is not None and not isinstance(model, str):
        raise ProblemError(at, model, "the name of a GPU model, or leave it out")
    return free, model


def used_gpus(free: tuple[int, ...], used: object, path: str) -> tuple[int, ...]:
    """*free*, less what is used: a list of milli by GPU, or a number of whole GPUs, the first ones.

    Raises:
        ProblemError: It is neither, or more than there is.
    """
    if used is None:
        return free
    if isinstance(used, list):
        if len(used) > len(free):
            raise ProblemError(path, used, f"at most one entry for each of its {len(free)} GPUs")
        taken = [whole(each, f"{path}[{i}]", 0, free[i]) for i, each in enumerate(used)]
    else:
        taken = [*free[: whole(used, path, 0, len(free))]]
    return tuple(each - (taken[i] if i < len(taken) else 0) for i, each in enumerate(free))


def _free(each: Any) -> object:
    """A number, or what an object calls `free`."""
    return each.get("free") if isinstance(each, dict) else each
