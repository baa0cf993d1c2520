"""``python -m ganimate``: the same as the command."""

from ganimate.cli.app import main

if __name__ == "__main__":
    raise SystemExit(main())
