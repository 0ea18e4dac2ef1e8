"""The graphics processors of every vendor, and their drivers."""

from sdops.facts.gpu.look import GpuFacts, look

__all__ = ["GpuFacts", "look"]
