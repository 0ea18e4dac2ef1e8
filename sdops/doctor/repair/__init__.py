"""Repairs what can be repaired without the user: plans the steps, shows them, carries them out.

Every step can be taken back: files are kept before they change, packages are listed before they
change, and a note beside them says how to go back.
"""

from sdops.doctor.repair.applying import Applied, apply
from sdops.doctor.repair.planning import RepairPlan, plan

__all__ = ["Applied", "RepairPlan", "apply", "plan"]
