"""sdops: finds out why Stable Diffusion does not work on a machine, and fixes it."""

import os as _os

# In a checkout, checks/ and profiles/ stand beside this package; installed, they are inside it.
_checkout = _os.path.dirname(_os.path.dirname(_os.path.realpath(__file__)))
if _os.path.isfile(_checkout + "/pyproject.toml") and _os.path.isdir(_checkout + "/checks"):
    __path__.append(_checkout)
