"""Every task by the name the command line knows it by; what it needs is imported when it is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from host.simulator.play import Options, Task


def _gpu_placement(data: Path, options: Options) -> Task:
    from host.simulator.tasks.gpu_placement import GpuPlacementTask
    from host.traces.openb import load_openb

    return GpuPlacementTask(load_openb(data), options)


def _batch(data: Path, options: Options) -> Task:
    from host.simulator.tasks.batch import BatchTask
    from host.simulator.tasks.logs import load_logs

    return BatchTask(load_logs(data, options), options)


def _queue(data: Path, options: Options) -> Task:
    from host.simulator.tasks.logs import load_logs
    from host.simulator.tasks.queue import QueueTask

    return QueueTask(load_logs(data, options), options)


def _binpack(data: Path, options: Options) -> Task:
    from host.simulator.tasks.binpack import BinPackTask
    from host.traces.items import load_items

    return BinPackTask(load_items(data), options)


def _jobshop(data: Path, options: Options) -> Task:
    from host.simulator.tasks.jobshop import JobShopTask
    from host.traces.jobshop import load_jobshops

    return JobShopTask(load_jobshops(data), options)


TASKS: Mapping[str, Callable[[Path, Options], Task]] = {
    "gpu-placement": _gpu_placement,
    "batch": _batch,
    "queue": _queue,
    "binpack": _binpack,
    "jobshop": _jobshop,
}
