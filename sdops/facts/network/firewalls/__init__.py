"""The firewalls of this machine, read without changing them."""

from sdops.facts.network.firewalls.look import look

__all__ = ["look"]
