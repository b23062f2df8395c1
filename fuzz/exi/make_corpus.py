# SPDX-License-Identifier: MIT
"""Writes the committed corpus anew: messages drawn from the XSDs, a few per set, small.

    python -m fuzz.exi.make_corpus          # needs the peers `schemas` and the test environment

Each set gives the messages that reach new parts of the codec, by seeds that are fixed here.
"""

import tools  # noqa: F401  (puts lib/ on the path)

# isort: split
import hashlib
from pathlib import Path

from evcc import exi
from evcc.exi import fragments
from hypothesis import HealthCheck, Phase, given, seed, settings

from fuzz.exi import targets
from host_tests.exi.oracle import generate, xsd

_FOLDER = Path(__file__).resolve().parent / "corpus" / "decode"
_EACH = 5
_LONGEST = 400


def drawn(strategy, count):
    """-> list of what `count` examples give, the same every time."""
    found = []

    @seed(20)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(drawing):
        found.append(drawing)

    collect()
    return found


def inputs():
    """Yield the corpus' inputs."""
    for name, fragment in targets.CHOICES:
        if fragment:
            for element in xsd.signed_elements(name):
                pool = drawn(generate.fragments(name, (element,)), 20)
                yield from _chosen(pool, name, True, fragments.encode, 1)
        else:
            pool = drawn(generate.documents(name), 80)
            yield from _chosen(pool, name, False, exi.encode, _EACH)


def _chosen(pool, name, fragment, encode, count):
    """The `count` inputs with the most distinct names in them, each of another element."""
    best = {}
    for root, message, _xml in pool:
        data = encode(name, root, message)
        key = next(iter(message.get("Body") or ()), root) if root == "V2G_Message" else root
        rank = len(set(_names(message)))
        if len(data) <= _LONGEST and rank > best.get(key, (0,))[0]:
            best[key] = (rank, data)
    ranked = sorted(best.values(), reverse=True)[:count]
    return [targets.pack(name, fragment, data) for _rank, data in ranked]


def _names(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner)


def main():
    _FOLDER.mkdir(exist_ok=True)
    for old in _FOLDER.iterdir():
        old.unlink()
    for data in inputs():
        (_FOLDER / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    files = list(_FOLDER.iterdir())
    print("%d files, %d bytes" % (len(files), sum(f.stat().st_size for f in files)))


if __name__ == "__main__":
    main()
