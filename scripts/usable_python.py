"""Says whether the interpreter that runs this file can hold sdops, and if not, why.

Run by install.sh and install.ps1 as a script, by any Python from 2.7 on: no import of sdops, no
new syntax. Prints `3.11` and exits with 0, or prints the reason in words and exits with 1.
"""

import os
import sys

OLDEST = (3, 10)
NEWEST = (3, 14)


def fault():
    """The reason why this interpreter is of no use, or an empty string."""
    version = "%d.%d" % sys.version_info[:2]
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        return "it is Python %s; sdops wants %d.%d to %d.%d" % ((version,) + OLDEST + NEWEST)
    if sys.maxsize < 2**32:
        return "it is a 32-bit Python; PyTorch has 64-bit builds only"
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError as error:
        return "it cannot make virtual environments (%s). %s" % (error, _ensurepip_advice(version))
    return ""


def _ensurepip_advice(version):
    # Debian and its children split ensurepip off into a package of its own.
    if os.path.exists("/etc/debian_version"):
        return "Mend it with: sudo apt install python%s-venv" % version
    return "Install that Python again, with ensurepip"


if __name__ == "__main__":
    problem = fault()
    print(problem or "%d.%d" % sys.version_info[:2])
    sys.exit(1 if problem else 0)
