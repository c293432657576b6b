"""What others published, as facts: see docs/how-to/get-public-traces.md for whose they are."""

from __future__ import annotations

import csv
import io
import json
import lzma
import os
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
REFDATA = Path(os.environ.get("ENGINE_OPS_REFDATA") or ROOT.parent / "shared" / "refdata")

LOGS = ("KTH-SP2", "CTC-SP2", "SDSC-SP2", "SDSC-BLUE", "CEA-curie")
SCHEDULERS = {
    "easy": "start_easy",
    "easy-clairvoyant": "start_easy_clairvoyant",
    "easy-sjbf-clairvoyant": "start_easy_sjbf_clairvoyant",
    "easy++": "start_easypp_tsafrir",
}
# Of the heuristic triples of Gaussier et al. (2015): the best in hindsight.
BEST_TRIPLE = {"KTH-SP2": 45.80, "CTC-SP2": 15.15, "SDSC-SP2": 65.02, "SDSC-BLUE": 10.62, "CEA-curie": 21.40}

PLACEMENT = {
    "random": "01-Random",
    "dot-product": "02-DotProd",
    "gpu-clustering": "03-GpuClustering",
    "gpu-packing": "04-GpuPacking",
    "best-fit": "05-BestFit",
    "fgd": "06-FGD",
}

# RLScheduler (SC 2020), average bounded slowdown: FCFS, WFP3, UNI, SJF, F1.
QUEUE_COLUMNS = ("fcfs", "rlscheduler-wfp3", "rlscheduler-unicep", "sjf", "f1")
QUEUE = {
    ("lublin_256", False): (7273.77, 19753.53, 22274.74, 277.35, 258.37),
    ("lublin_256_new2", False): (7842.47, 9523.18, 11265.31, 787.89, 698.34),
    ("lublin_256", True): (235.82, 133.87, 307.23, 73.31, 75.07),
    ("lublin_256_new2", True): (247.61, 318.35, 379.59, 91.99, 148.25),
}
QUEUE_FILES = {"lublin_256": "lublin_256.swf.gz", "lublin_256_new2": "lublin_256_new2.gz"}

# FunSearch (Nature 2023), excess over the bound in %.
BINPACK = {
    ("OR3", "best-fit"): 5.37,
    ("Weibull 5k", "best-fit"): 3.98,
    ("Weibull 5k", "sum-of-squares"): 0.48,
}
FUNSEARCH = {"OR3": 3.11, "Weibull 5k": 0.68}


def starts(log: str, column: str) -> np.ndarray:
    """The published start of every job of a log."""
    text = lzma.decompress((REFDATA / "hpc_batch" / f"{log}.csv.xz").read_bytes()).decode()
    rows = csv.DictReader(io.StringIO(text.split("\n", 1)[1]))
    return np.array([float(row[column]) for row in rows])


def placement() -> dict[tuple[str, str, int], tuple[float, float]]:
    """By list, policy and seed: allocated at 100 % and at 130 % of arrivals."""
    path = REFDATA / "gpu_placement" / "published" / "analysis_allo_discrete.csv.xz"
    rows = csv.DictReader(io.StringIO(lzma.decompress(path.read_bytes()).decode()))
    names = {published: ours for ours, published in PLACEMENT.items()}
    return {
        (row["workload"].removeprefix("openb_pod_list_"), names[row["sc_policy"]], int(row["seed"])): (
            float(row["100"]),
            float(row["130"]),
        )
        for row in rows
    }


def shops() -> dict[str, tuple[int, int, int | None]]:
    """By instance: best known bounds, and what CP-SAT 9.15 found in ten minutes."""

    def read(name: str) -> list[dict]:
        found: list[dict] = json.loads(lzma.decompress((REFDATA / "jobshop" / name).read_bytes()))
        return found

    found = {each["instance"]: each["ub"]["value"] for each in read("results_cpsat_9_15_6755.json.xz")}
    return {
        each["instance"]: (each["lower_bound"], each["upper_bound"], found.get(each["instance"]))
        for each in read("jobshop_bks.json.xz")
    }
