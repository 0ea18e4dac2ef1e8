"""What listens, what is in between, and, when asked, what can be reached."""

from sdops.facts.network.look import look
from sdops.facts.network.outside import reach

__all__ = ["look", "reach"]
