"""The graphics processors of every vendor, and their drivers."""

from sdops.facts.gpu.look import GpuFacts, look
from sdops.facts.gpu.masks import apply as mask

__all__ = ["GpuFacts", "look", "mask"]
