"""`python -m gridparley` is the command `gridparley`."""

from .runs.cli.app import main

# Guarded because spawned workers import this file again.
if __name__ == "__main__":
    main()
