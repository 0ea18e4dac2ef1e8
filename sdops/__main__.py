"""`python -m sdops`: the same program as the `sdops` command."""

from sdops.cli.main import main

if __name__ == "__main__":
    main()
