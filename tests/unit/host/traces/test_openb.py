from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest

from host.errors import ConfigError
from host.traces.openb import drawn_order, load_openb

NODES = "sn,cpu_milli,memory_mib,gpu,model\nn1,64000,1000,2,T4\nn0,96000,2000,8,V100\n"
PODS = (
    "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos\n"
    "p0,12000,16,1,1000,,LS\np1,6000,12,1,460,T4|V100,LS\np2,1000,8,0,0,,BE\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "csv").mkdir()
    (tmp_path / "csv" / "openb_node_list_gpu_node.csv").write_text(NODES)
    (tmp_path / "csv" / "openb_pod_list_default.csv").write_text(PODS)
    return tmp_path


def test_nodes_and_pods_are_read_from_a_folder_or_an_archive_of_it(folder: Path) -> None:
    data = load_openb(folder)
    assert [(node.name, node.gpus, node.model) for node in data.nodes] == [("n1", 2, "T4"), ("n0", 8, "V100")]
    assert data.pods["default"][1].models == ("T4", "V100")
    assert data.pods["default"][2].gpus == 0
    assert data.gpus == 10
    archive = folder / "openb_csv.tar.xz"
    with tarfile.open(archive, "w:xz") as whole:
        whole.add(folder / "csv", "csv")
    assert load_openb(archive).pods == data.pods


def test_published_orders_beside_the_files_are_used(folder: Path) -> None:
    np.savez(folder / "pod_orders_seed42.npz", **{"default/42": np.array([2, 0, 0, 1], dtype=np.uint16)})
    assert load_openb(folder).order("default", 42) == [2, 0, 0, 1]


def test_an_order_that_does_not_fit_its_list_is_refused(folder: Path) -> None:
    np.savez(folder / "pod_orders_seed42.npz", **{"default/42": np.array([3])})
    with pytest.raises(ConfigError, match="default/42 does not fit"):
        load_openb(folder)


def test_without_a_published_order_one_is_drawn_that_asks_for_1_3_times_the_gpus(folder: Path) -> None:
    data = load_openb(folder)
    order = data.order("default", 7)
    pods = data.pods["default"]
    asked = sum(pods[row].gpus * pods[row].gpu_milli for row in order)
    assert 13_000 <= asked <= 14_000
    assert order == drawn_order(pods, data.gpus, 7) != drawn_order(pods, data.gpus, 8)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("openb_pod_list_default.csv", PODS.replace("12000", "many"), "cpu_milli is 'many'"),
        ("openb_node_list_gpu_node.csv", "sn,cpu_milli\nn1,4\n", "no memory_mib"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(folder: Path, name: str, text: str, said: str) -> None:
    (folder / "csv" / name).write_text(text)
    with pytest.raises(ConfigError, match=said):
        load_openb(folder)


def test_a_folder_without_the_files_says_what_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="csv"):
        load_openb(tmp_path)
    with pytest.raises(ConfigError, match="openb"):
        load_openb(tmp_path / "missing")
