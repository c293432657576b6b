"""The cluster of "openb": its GPU nodes, lists of pods and orders of arrival, in the published CSV files.

Source: Weng et al. (2023), Beware of Fragmentation; Alibaba cluster-trace-gpu-v2023.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from host.errors import ConfigError
from host.traces.archive import is_archive, texts

NODES = "openb_node_list_gpu_node"
PODS = "openb_pod_list_"
ORDERS = "pod_orders"
ARCHIVE = "openb_csv.tar.xz"
ARRIVALS = 1.3  # times the GPUs of the cluster: how much is asked for in all, as in the published runs


@dataclass(frozen=True)
class OpenbNode:
    """A node; memory in MiB."""

    name: str
    cpu_milli: int
    memory_mib: int
    gpus: int
    model: str


@dataclass(frozen=True)
class OpenbPod:
    """A pod; `models` is empty where any will do."""

    name: str
    cpu_milli: int
    memory_mib: int
    gpus: int
    gpu_milli: int
    models: tuple[str, ...] = ()


@dataclass(frozen=True)
class Openb:
    """The cluster.

    Attributes:
        pods: By the name of the list, such as "default".
        orders: By "list/seed": rows of the list in order of arrival, where published orders lie beside the files.
    """

    nodes: list[OpenbNode]
    pods: Mapping[str, list[OpenbPod]]
    orders: Mapping[str, list[int]] = field(default_factory=dict)

    @property
    def gpus(self) -> int:
        """Of the whole cluster."""
        return sum(node.gpus for node in self.nodes)

    def order(self, name: str, seed: int) -> list[int]:
        """The published order of arrival, else one drawn from the seed: the list shuffled, pods left out or repeated at
        random until they ask for `ARRIVALS` times the cluster's GPUs.
        """
        known = self.orders.get(f"{name}/{seed}")
        return known if known is not None else drawn_order(self.pods[name], self.gpus, seed)


def drawn_order(pods: Sequence[OpenbPod], gpus: int, seed: int) -> list[int]:
    """See `Openb.order`."""
    chance = random.Random(seed)
    order = list(range(len(pods)))
    chance.shuffle(order)
    wanted = ARRIVALS * gpus * 1000
    if not any(pod.gpus for pod in pods):
        return order
    asked = sum(pod.gpus * pod.gpu_milli for pod in pods)
    while asked > wanted:
        row = order.pop()
        asked -= pods[row].gpus * pods[row].gpu_milli
    while asked < wanted:
        row = chance.randrange(len(pods))
        order.insert(chance.randrange(len(order) + 1), row)
        asked += pods[row].gpus * pods[row].gpu_milli
    return order


def load_openb(path: Path) -> Openb:
    """From the folder of CSV files, an archive of it, or a folder that holds such an archive.

    Orders of arrival are read from `pod_orders*.npz` beside it: "list/seed" to rows of the list.

    Raises:
        ConfigError: A file is missing or has another form; names it.
    """
    beside = path if path.is_dir() else path.parent
    if path.is_dir() and not any(path.rglob(f"{NODES}.csv")) and (path / ARCHIVE).is_file():
        path = path / ARCHIVE
    if not path.is_dir() and not is_archive(path):
        raise ConfigError(f"{path}: give the folder of the openb CSV files, or the archive {ARCHIVE}")
    files = texts(path, ".csv")
    if NODES not in files:
        raise ConfigError(f"{path}: there is no {NODES}.csv in it; give the openb files as published")
    nodes = [_node(row, f"{path}: {NODES}.csv:{line}") for line, row in _rows(files[NODES])]
    pods = {
        name.removeprefix(PODS): [_pod(row, f"{path}: {name}.csv:{line}") for line, row in _rows(text)]
        for name, text in sorted(files.items())
        if name.startswith(PODS)
    }
    if not pods:
        raise ConfigError(f"{path}: there is no {PODS}*.csv in it; give the openb files as published")
    return Openb(nodes, pods, _orders(beside, {name: len(each) for name, each in pods.items()}))


def _rows(text: str) -> list[tuple[int, dict[str, str]]]:
    return list(enumerate(csv.DictReader(io.StringIO(text)), start=2))


def _node(row: Mapping[str, str], where: str) -> OpenbNode:
    return OpenbNode(
        _text(row, "sn", where), _count(row, "cpu_milli", where), _count(row, "memory_mib", where),
        _count(row, "gpu", where), (row.get("model") or "").strip(),
    )  # fmt: skip


def _pod(row: Mapping[str, str], where: str) -> OpenbPod:
    gpus = _count(row, "num_gpu", where)
    models = tuple(each for each in (row.get("gpu_spec") or "").split("|") if each)
    return OpenbPod(
        _text(row, "name", where), _count(row, "cpu_milli", where), _count(row, "memory_mib", where),
        gpus, _count(row, "gpu_milli", where) if gpus else 0, models if gpus else (),
    )  # fmt: skip


def _text(row: Mapping[str, str], column: str, where: str) -> str:
    value = row.get(column)
    if not value:
        raise ConfigError(f"{where}: there is no {column}; give the openb files as published")
    return value


def _count(row: Mapping[str, str], column: str, where: str) -> int:
    value = _text(row, column, where)
    if not value.isdigit():
        raise ConfigError(f"{where}: {column} is {value[:40]!r}; give an integer of 0 or more")
    return int(value)


def _orders(beside: Path, sizes: Mapping[str, int]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for file in sorted(beside.glob(f"{ORDERS}*.npz")):
        import numpy as np

        try:
            with np.load(file, allow_pickle=False) as arrays:
                for key in arrays.files:
                    rows = [int(row) for row in arrays[key]]
                    size = sizes.get(key.rpartition("/")[0])
                    if size is None or (rows and not 0 <= min(rows) <= max(rows) < size):
                        raise ConfigError(
                            f"{file}: {key} does not fit the list; give 'list/seed' to rows of it"
                        )
                    found[key] = rows
        except (OSError, ValueError) as error:
            raise ConfigError(f"{file}: cannot be read ({error}); give a .npz of integer arrays") from error
    return found
