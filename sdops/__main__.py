"""The command `sdops`, which `python -m sdops` is too."""

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Runs the program; Ctrl-C ends it without a traceback while it is still being loaded, too."""
    try:
        from sdops.cli.entry import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
