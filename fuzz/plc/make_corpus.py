# SPDX-License-Identifier: MIT
"""Writes the committed corpus: good exchanges, one per kind, from which the fuzzer starts.

python -m fuzz.plc.make_corpus
"""

import hashlib
import json
from pathlib import Path

import tools  # noqa: F401  (puts lib/ on the path)
from fuzz.plc.targets import framed
from fuzz.records import pack

FOLDER = Path(__file__).resolve().parent / "corpus"
VECTORS = FOLDER.parents[2] / "host_tests" / "slac" / "vectors" / "mme.jsonl"


def frames():
    return {
        v["name"].split(" (")[0]: bytes.fromhex(v["hex"])
        for v in map(json.loads, open(VECTORS).readlines())
    }


def spi_seeds():
    a, b = bytes(60), bytes(range(200))
    both = framed(a) + framed(b)
    yield pack((1, a), (1, b), (9, a))
    yield pack((0, both))
    yield pack((0, both[:90]), (0, both[90:]))
    yield pack((0, b"\0\0\0\x46\xaa\xaa\xaa" + both), (4, b"junk" * 9))
    for register in range(6):
        for value in (0, 0xFFFF, 0x0047, 0x0442, 0x0402, 74):
            yield pack((2, bytes((register, value >> 8, value & 255))), (4, b""), (1, a))


def mme_seeds():
    f = frames()
    cnf, ind, match = (f[n] for n in ("SLAC_PARM.CNF", "ATTEN_CHAR.IND", "SLAC_MATCH.CNF"))
    steps = [(3, 0, cnf), (0x2F, 0, b""), *[(0x0C, 0, b"")] * 28, (3, 1, ind), (3, 3, match)]
    steps += [(1, 5, f["SET_KEY.CNF"]), (0x3C, 0, b""), (0x3C, 0, b"")]
    steps += [(1, 6, f["PL_LNK_STATUS.CNF link up"]), (0x3C, 0, b""), (0x40, 0, b"")]
    whole = []
    for mode, kind, frame in steps:
        at = 20 if kind == 6 else 19
        whole.append((mode, bytes((kind, 0)) + frame[at:] if frame else b""))
    for n in (1, 2, len(whole) - 6, len(whole) - 3, len(whole)):
        yield pack(*whole[:n])
    for frame in f.values():
        yield pack((0, frame))


def evse_seeds():
    f = frames()
    names = (
        "SLAC_PARM.REQ",
        "START_ATTEN_CHAR.IND",
        "MNBC_SOUND.IND",
        "ATTEN_PROFILE.IND",
        "ATTEN_CHAR.RSP",
        "VALIDATE.REQ step 1",
        "SLAC_MATCH.REQ",
        "SET_KEY.CNF",
    )
    body = [f[n][19:] for n in names]
    whole = [(0, body[0]), (1, body[1])] + [(2, body[2]), (3, body[3])] * 10
    whole += [(4, body[4]), (5, body[5]), (5, f["VALIDATE.REQ step 2, timer 0x13"][19:])]
    whole += [(0xF7, body[7]), (6, body[6]), (6, body[6])]
    for n in (1, 2, 4, 22, 23, 25, len(whole)):
        yield pack(*whole[:n])
    yield pack(*[(15, frame) for frame in f.values()])


def main():
    for name, seeds in (("spi", spi_seeds), ("mme", mme_seeds), ("evse", evse_seeds)):
        folder = FOLDER / name
        folder.mkdir(parents=True, exist_ok=True)
        for data in seeds():
            (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


if __name__ == "__main__":
    main()
