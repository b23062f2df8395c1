# SPDX-License-Identifier: MIT
"""Coverage-guided fuzzing with atheris (libFuzzer).

    python -m fuzz.run net tcp -max_total_time=60      # layers: exi, net, plc, tls
    python -m fuzz.run plc mme crash-...               # one input again
    python -m fuzz.run exi decode --keep FOLDER ...    # what it finds goes there

Options that start with - go to libFuzzer. It starts from the committed corpus (tls: from one made
at each start out of a fresh PKI) and leaves an input that breaks a rule of the layer's targets.py
as crash-<hash> in the working directory.
"""

import importlib
import shutil
import sys
import tempfile
from pathlib import Path

import tools  # noqa: F401  (puts lib/ on the path)

HERE = Path(__file__).resolve().parent
LAYERS = ("exi", "net", "plc", "tls")
_LIMITS = ["-max_len=4096", "-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1"]


def main(arguments):
    import atheris

    if not arguments or arguments[0] not in LAYERS:
        return f"usage: python -m fuzz.run {'|'.join(LAYERS)} TARGET [OPTION or FILE ...]"
    layer, *arguments = arguments
    with atheris.instrument_imports(include=["evcc", "drivers", "tools.charger"]):
        targets = importlib.import_module(f"fuzz.{layer}.targets")
        for name in targets.LATE:  # what the code imports when it runs must be followed too
            importlib.import_module(name)
    if not arguments or arguments[0] not in targets.TARGETS:
        return (
            f"usage: python -m fuzz.run {layer} {'|'.join(targets.TARGETS)} [OPTION or FILE ...]"
        )
    name, *arguments = arguments
    temporary = tempfile.mkdtemp(prefix="uevcc-fuzz-")
    if "--keep" in arguments:
        at = arguments.index("--keep")
        Path(arguments[at + 1]).mkdir(parents=True, exist_ok=True)
        del arguments[at]
    elif all(a.startswith("-") for a in arguments):
        arguments.append(temporary)
    if not any(Path(a).is_file() for a in arguments):
        folder = HERE / layer / "corpus" / name
        if hasattr(targets, "corpus"):
            folder = Path(temporary) / "corpus"
            folder.mkdir()
            targets.corpus(folder)
        arguments.append(str(folder))
    target = targets.TARGETS[name]
    atheris.Setup([sys.argv[0], *_LIMITS, *arguments], lambda data: target(data) and None)
    try:
        atheris.Fuzz()
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
