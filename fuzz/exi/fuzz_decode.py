# SPDX-License-Identifier: MIT
"""Coverage-guided fuzzing of the EXI decoder with atheris (libFuzzer).

    python fuzz/exi/fuzz_decode.py -max_total_time=60        # on a copy of the corpus
    python fuzz/exi/fuzz_decode.py crash-...                 # one input again

Options that start with - go to libFuzzer. Without a folder or file named, the run starts from the
committed corpus but writes what it finds into a temporary folder; with `--keep FOLDER` into that.
An input that breaks a rule of target.py is left as crash-<hash> in the working directory.
"""

import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "lib")]

# A message is at most this long here; one input may take this long and this much memory.
_LIMITS = ["-max_len=4096", "-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1"]


def main():
    import atheris

    with atheris.instrument_imports(include=["evcc"]):
        import target

        for path in sorted((HERE / "corpus").iterdir()):
            target.check(path.read_bytes())  # loads now what is loaded late and must be followed

    arguments = sys.argv[1:]
    temporary = None
    if "--keep" in arguments:
        at = arguments.index("--keep")
        folder = arguments[at + 1]
        arguments[at : at + 2] = []
        Path(folder).mkdir(parents=True, exist_ok=True)
        arguments.append(folder)
    elif all(a.startswith("-") for a in arguments):
        temporary = tempfile.mkdtemp(prefix="uevcc-fuzz-")
        arguments.append(temporary)
    if not any(Path(a).is_file() for a in arguments):
        arguments.append(str(HERE / "corpus"))
    atheris.Setup([sys.argv[0], *_LIMITS, *arguments], lambda data: target.check(data) and None)
    try:
        atheris.Fuzz()
    finally:
        if temporary:
            shutil.rmtree(temporary, ignore_errors=True)


if __name__ == "__main__":
    main()
