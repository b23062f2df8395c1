# SPDX-License-Identifier: MIT
"""Coverage-guided fuzzing of TLS messages, records, certificates and OCSP with atheris.

    python -m fuzz.tls.fuzz_tls -max_total_time=60
    python -m fuzz.tls.fuzz_tls crash-...                 # one input again

The corpus is made at each start from a fresh throw-away PKI and one handshake.
"""

import sys
import tempfile
from pathlib import Path


def corpus(folder):
    """Seeds for every target; needs the test environment."""
    from datetime import datetime, timezone

    from host_tests.tls.link import Pair, pki
    from host_tests.tls.server import Server
    from tools.pki.maker import key_pem, responses  # noqa: F401

    now = datetime.now(timezone.utc)
    pieces = {}

    def tweak(what, data):
        if isinstance(data, bytes):
            pieces.setdefault(what, data)
        return data

    for kind in ("P-521", "Ed448"):
        _, root, leaf, identity = pki(kind)
        pieces.clear()
        Pair(Server(leaf, responses(leaf, this=now), tweak=tweak), root, identity).run()
        seeds = [(0, leaf.der), (0, root.der), (2, pieces["signature"])]
        seeds += [(3, r) for r in responses(leaf, this=now)]
        seeds += [
            (4, pieces[n][4:])
            for n in ("server_hello", "encrypted_extensions", "certificate_request", "certificate")
        ]
        seeds += [(5, pieces["record"]), (6, pieces["record"])]
        for i, (target, data) in enumerate(seeds):
            (Path(folder) / ("%s-%d" % (kind, i))).write_bytes(bytes([target]) + data)


def main():
    import atheris

    with atheris.instrument_imports(include=["evcc"]):
        from fuzz.tls import targets
    with tempfile.TemporaryDirectory() as folder:
        corpus(folder)
        arguments = ["-max_len=4096", "-timeout=10", "-rss_limit_mb=1024", *sys.argv[1:]]
        if not any(Path(a).is_file() for a in sys.argv[1:]):
            arguments.append(folder)
        atheris.Setup([sys.argv[0], *arguments], lambda data: targets.check(data) and None)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
