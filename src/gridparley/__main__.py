"""`python -m gridparley` is the command `gridparley`."""

from .runs.cli import main

# Guarded because spawned workers import this file again.
if __name__ == "__main__":
    main()
