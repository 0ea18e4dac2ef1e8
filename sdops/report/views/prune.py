"""How a pruning looks to people: as a conversion does."""

from sdops.report.views.convert import DATA, blocks

__all__ = ["DATA", "blocks"]
