"""``python -m trunkline.cli``: the same as the ``trunkline`` command."""

from __future__ import annotations

from trunkline.cli.main import main

if __name__ == "__main__":
    main()
