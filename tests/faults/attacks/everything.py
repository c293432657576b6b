"""The whole table: importing this module enters all attacks."""

from . import disclosure, files, memory, network, processes, programs, resources, surface
from .registry import ATTACKS, BEGINS, LAYERS, SUCCEEDED, Attack, perform, success_mark

__all__ = ["ATTACKS", "BEGINS", "LAYERS", "SUCCEEDED", "TOPICS", "Attack", "perform", "success_mark"]

TOPICS = (files, programs, disclosure, processes, memory, network, surface, resources)
