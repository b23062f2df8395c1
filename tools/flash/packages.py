# SPDX-License-Identifier: MIT
"""`python -m tools.flash.packages`: writes the mip packages and lists what belongs to which.

package.json is all of it, with the libraries; packages/<feature>.json are the features, each file
in one of them, core first. mip has no relative dependencies, so a description names what a feature
needs. Paths are relative: a package installs from GitHub, a server and a local folder alike.
mip copies sources (.py); `_fast_*` files then compile on the board, where it has the emitter.
"""

import argparse
import json
import sys

from tools import ROOT

from .features import FEATURES, LIBRARIES, of, sources
from .image import version

FOLDER = ROOT / "packages"
_PC = ("host",)  # never on a board


def packages():
    """{path of the JSON file: its dict}."""
    by = {name: [] for name in FEATURES}
    for path in sources():
        by[of(path)].append(path)
    number = version().partition("+")[0]
    found = {}
    for name, (_, needs, text) in FEATURES.items():
        if name not in _PC:
            found[FOLDER / f"{name}.json"] = {
                "version": number,
                "description": text + ("; needs " + ", ".join(needs) if needs else ""),
                "urls": [[path, f"../lib/{path}"] for path in by[name]],
                "deps": [],
            }
    libraries = [[name, "latest"] for name in LIBRARIES]
    found[ROOT / "package.json"] = {
        "version": number,
        "description": "uEVCC: the car's side of EV charging, all features",
        "urls": [[path, f"lib/{path}"] for path in sources() if of(path) not in _PC],
        "deps": libraries,
    }
    return found


def text(package):
    return json.dumps(package, indent=1) + "\n"


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m tools.flash.packages", description=__doc__)
    parser.parse_args(argv)
    FOLDER.mkdir(exist_ok=True)
    made = packages()
    for path, package in made.items():
        path.write_text(text(package))
    for path in FOLDER.glob("*.json"):
        if path not in made:
            path.unlink()
    print(f"{len(made)} packages written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
