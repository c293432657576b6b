"""What a pod asks for, and many pods as few different shapes: heuristics rank nodes once a shape, not once a pod."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WHOLE_MILLI = 1000  # of one GPU


@dataclass(frozen=True)
class Shape:
    """The demand of a pod.

    Attributes:
        cpu_milli: Thousandths of a core.
        memory: In any unit, as long as the nodes have the same.
        gpus: How many GPUs; 0 for a pod that needs none.
        gpu_milli: Thousandths of each of them: below 1000 a share of one GPU, else whole ones.
        models: Names of the GPU models it can run on; empty for any.
    """

    cpu_milli: int
    memory: int = 0
    gpus: int = 0
    gpu_milli: int = 0
    models: frozenset[str] = frozenset()

    @property
    def is_share(self) -> bool:
        """Whether it shares a GPU with others."""
        return self.gpus == 1 and self.gpu_milli < WHOLE_MILLI

    @property
    def total_milli(self) -> int:
        """GPU milli over all its GPUs."""
        return self.gpus * self.gpu_milli


@dataclass(frozen=True)
class ShapeTable:
    """The different shapes of some pods, and which pod has which.

    Attributes:
        shapes: In the order in which they first occur.
        of_pod: An index into `shapes` for each pod.
    """

    shapes: tuple[Shape, ...]
    of_pod: tuple[int, ...]


def table_of(pods: Iterable[Shape]) -> ShapeTable:
    """The shapes of *pods*, each once."""
    seen: dict[Shape, int] = {}
    of_pod = tuple([seen.setdefault(pod, len(seen)) for pod in pods])
    return ShapeTable(tuple(seen), of_pod)


@dataclass(frozen=True)
class TypicalPod:
    """A class of pods and the share of all pods that it makes up, in (0, 1]."""

    shape: Shape
    share: float


TYPICAL_COVERS = 0.95  # of all pods; the rare rest would only slow the measure down


def typical_of(pods: Sequence[Shape], covers: float = TYPICAL_COVERS) -> list[TypicalPod]:
    """The commonest classes of *pods*, until they cover that part of them; shares are of those taken and sum to 1.

    Classes differ in cpu, GPUs, milli and models; memory is left out, as it is in the measure. Of equally common ones the
    larger come first, as in the published runs: the last place that is covered is often one of many.

    Source: Weng et al. (2023), Beware of Fragmentation, section 4 (the target workload).
    """
    counts: dict[Shape, int] = {}
    for pod in pods:
        kind = Shape(pod.cpu_milli, 0, pod.gpus, pod.gpu_milli, pod.models)
        counts[kind] = counts.get(kind, 0) + 1
    taken: list[tuple[Shape, int]] = []
    covered = 0
    for kind, count in sorted(counts.items(), key=lambda each: (each[1], _size(each[0])), reverse=True):
        if covered >= covers * len(pods):
            break
        taken.append((kind, count))
        covered += count
    return [TypicalPod(kind, count / covered) for kind, count in taken]


def _size(kind: Shape) -> tuple[int, int, int, str]:
    return kind.cpu_milli, kind.gpu_milli, kind.gpus, "|".join(sorted(kind.models))
