"""The console script: it finds the rooms and starts the command line.

Installed, the rooms are folders inside this one. In a checkout they stand beside it.
"""

import gc
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOMS = [HERE] if (HERE / "engine").is_dir() else [HERE.parent, HERE.parent / "clients/python"]


def main() -> None:
    """Put the rooms first on the path, before any `config` of somebody else, and start."""
    sys.path[:0] = [str(folder) for folder in ROOMS]
    gc.disable()  # what is imported stays, and to look at it again and again takes long
    from engine.cli.main import main as run

    gc.freeze()
    gc.enable()
    run()


if __name__ == "__main__":
    main()
