"""The machine: operating system, processor, memory, disks, environment."""

from sdops.facts.host.look import look

__all__ = ["look"]
