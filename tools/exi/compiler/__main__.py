# SPDX-License-Identifier: MIT
"""`python -m tools.exi.compiler [XSD_FOLDER]`: regenerate the EXI tables of `lib/evcc/exi`.

The folder is that of the PyPI wheel `iso15118`, unpacked, or the XSDs themselves; by default the
environment's UEVCC_XSD_DIR, else what `python -m tools.peers fetch schemas` fetched. Prints the
sizes.
"""

import os
import sys

from tools import ROOT
from tools.exi.compiler import names


def default_folder():
    """UEVCC_XSD_DIR, or the wheel among the peers."""
    return os.environ.get("UEVCC_XSD_DIR") or ROOT / ".peers" / "iso15118"


def main(arguments):
    folder = arguments[0] if arguments else default_folder()
    try:
        from tools.exi.compiler.write import generate

        layout = generate(folder)
    except ModuleNotFoundError as error:
        print(f"exi compiler: {error}; `pip install xmlschema`", file=sys.stderr)
        return 1
    except FileNotFoundError as error:
        print(
            f"exi compiler: {error}\nFetch it: python -m tools.peers fetch schemas",
            file=sys.stderr,
        )
        return 1
    total = 0
    for chunk in layout.chunks:
        own = len(chunk.table) + sum(len(r) + len(f) for r, f in chunk.sets.values())
        total += own
        print(f"{chunk.name:14} {len(chunk.table) // 4:5} records {own:6} bytes")
    size = len(names.pack(layout.names))
    print(f"{'tables':14} {total:20} bytes\n{'names':14} {size:20} bytes ({len(layout.names)})")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
