# SPDX-License-Identifier: MIT
"""Coverage-guided fuzzing of SPI framing and HomePlug messages with atheris (libFuzzer).

    python fuzz/plc/fuzz_plc.py spi -max_total_time=60        # or mme, evse
    python fuzz/plc/fuzz_plc.py mme crash-...                # one input again
    python fuzz/plc/fuzz_plc.py mme --keep FOLDER ...        # what it finds goes there

Options that start with - go to libFuzzer. It starts from the committed corpus and leaves an input
that breaks a rule of targets.py as crash-<hash> in the working directory.
"""

import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "lib"), str(HERE.parents[1])]

_LIMITS = ["-max_len=4096", "-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1"]


def main():
    import atheris

    with atheris.instrument_imports(include=["evcc", "drivers", "tools.charger"]):
        import evcc.homeplug.decode
        import evcc.slac  # noqa: F401
        import targets

    if len(sys.argv) < 2 or sys.argv[1] not in targets.TARGETS:
        sys.exit(f"usage: fuzz_plc.py {'|'.join(targets.TARGETS)} [OPTION or FILE ...]")
    name, *arguments = sys.argv[1:]
    target = targets.TARGETS[name]
    keep = arguments.index("--keep") if "--keep" in arguments else None
    temporary = None
    if keep is not None:
        Path(arguments[keep + 1]).mkdir(parents=True, exist_ok=True)
        del arguments[keep]
    elif all(a.startswith("-") for a in arguments):
        temporary = tempfile.mkdtemp(prefix="uevcc-fuzz-")
        arguments.append(temporary)
    if not any(Path(a).is_file() for a in arguments):
        arguments.append(str(HERE / "corpus" / name))
    atheris.Setup([sys.argv[0], *_LIMITS, *arguments], target)
    try:
        atheris.Fuzz()
    finally:
        if temporary:
            shutil.rmtree(temporary, ignore_errors=True)


if __name__ == "__main__":
    main()
