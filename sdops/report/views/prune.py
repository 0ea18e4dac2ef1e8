"""How a pruning looks to people: as a conversion does."""

from sdops.report.views.convert import blocks

__all__ = ["blocks"]
