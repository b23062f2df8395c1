# SPDX-License-Identifier: MIT
"""Coverage-guided fuzzing of the network layers with atheris (libFuzzer).

    python fuzz/net/fuzz_net.py ip -max_total_time=60        # or tcp, stream
    python fuzz/net/fuzz_net.py tcp crash-...                # one input again
    python fuzz/net/fuzz_net.py tcp --keep FOLDER ...        # what it finds goes there

Options that start with - go to libFuzzer. It starts from the committed corpus and leaves an input
that breaks a rule of targets.py as crash-<hash> in the working directory.
"""

import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "lib")]

_LIMITS = ["-max_len=4096", "-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1"]


def main():
    import atheris

    with atheris.instrument_imports(include=["evcc"]):
        import evcc.net.dhcp6
        import evcc.net.ra
        import evcc.net.tcp  # noqa: F401
        import targets

    if len(sys.argv) < 2 or sys.argv[1] not in targets.TARGETS:
        sys.exit(f"usage: fuzz_net.py {'|'.join(targets.TARGETS)} [OPTION or FILE ...]")
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
