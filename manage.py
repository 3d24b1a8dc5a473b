#!/usr/bin/env python3
"""Django's command line; on a fresh machine it first builds its own environment."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent


def main() -> None:
    # Read by whatever Python is there, so the syntax up to here stays old.
    if sys.version_info < (3, 11):  # noqa: UP036
        sys.exit("Tidings needs Python 3.11 or newer; this is " + sys.version.split()[0] + ".")
    from config import bootstrap

    bootstrap.ensure(ROOT, sys.argv)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from config import commandline

    sys.exit(commandline.run(ROOT, sys.argv))


if __name__ == "__main__":
    main()
