# SPDX-License-Identifier: MIT
"""The same vectors in MicroPython, 32-bit x86 and ARM, with the viper kernels and without.

What the kernels decode and encode is compared with the plain codec in the same VM; errors and odd
forms, which they leave to it, must come out alike.
"""

import json
import os
from pathlib import Path

import pytest

from tools.vm import ARCH, micropython

pytestmark = pytest.mark.vm

FOLDER = Path(__file__).parent / "vectors"
MODULES = ("evcc/__init__.py", "evcc/compat.py", "evcc/exi")

SCRIPT = """
import sys
from evcc import exi

kernels = {kernels}
assert (exi._fast is not None) == kernels
slow = exi._slow()
n = direct = 0
for line in sys.stdin:
    schema, data, ok = line.split()
    data = bytes.fromhex(data)
    n += 1
    try:
        want = slow.decode(schema, data)
    except exi.EXIError as e:
        want = str(e)
    if kernels and not isinstance(want, str):
        made = exi.root(exi.load(schema), data[1] >> 8 - exi.load(schema)[2])
        bits = 8 + exi.load(schema)[2]
        if not made[2]:
            got = exi._fast[0](0, bits, 0, data, len(data), made[1], exi._fast[2])
            if got is not None:
                direct += 1
                assert got == want[1], line
    try:
        got = exi.decode(schema, memoryview(data))
    except exi.EXIError as e:
        got = str(e)
    assert got == want, (line[:80], str(got)[:300], str(want)[:300])
    if isinstance(want, str):
        assert ok != "1", (line[:80], want)
        continue
    a = bytearray(len(data) + 9)
    b = bytearray(len(data) + 9)
    end = exi.encode_into(schema, got[0], got[1], a, 1)
    assert end == slow.encode_into(schema, got[0], got[1], b, 1) and a == b, line
    if ok == "1":
        assert a[1:end] == data[:end - 1], line[:80]
    for room in (end - 2, end // 2, 1, 0):
        try:
            exi.encode_into(schema, got[0], got[1], bytearray(room))
            assert False, line
        except exi.EXIError as e:
            assert "does not fit" in str(e), str(e)
print(n, direct)
"""

ERRORS = """
from evcc import exi

H = {"SessionID": bytes(8), "TimeStamp": 1}
R = {"Exponent": 0, "Value": 1}
good = {"Header": H, "EVProcessing": "Ongoing", "EVPresentVoltage": R, "EVTargetVoltage": R}
def tell(**changes):
    m = dict(good)
    m.update(changes)
    try:
        print(exi.encode("iso20_dc", "DC_PreChargeReq", m).hex())
    except exi.EXIError as e:
        print(e)
tell()
tell(EVTargetVoltage=None)
tell(EVTargetVoltage=R, Typo=1)
tell(EVTargetVoltage=400)
tell(EVTargetVoltage={"Exponent": 0, "Value": True})
tell(EVTargetVoltage={"Exponent": 0, "Value": 1.5})
tell(EVTargetVoltage={"Exponent": 0, "Value": 4294967297})
tell(EVTargetVoltage={"Exponent": 0, "Value": 1, "Unit": 3})
tell(EVTargetVoltage={"Exponent": 200, "Value": 1})
tell(EVProcessing="".join(("On", "going")))
tell(EVProcessing="Soon")
tell(EVProcessing=0)
tell(Header=dict(H, SessionID="12345678"))
tell(Header=dict(H, SessionID=bytearray(8)))
tell(Header=dict(H, SessionID=memoryview(bytes(8))))
tell(Header=dict(H, SessionID=bytes(9)))
tell(Header={"SessionID": bytes(8), "TimeStamp": -1})
tell(Header={"SessionID": bytes(8), "TimeStamp": 1 << 64})
tell(Header={"SessionID": bytes(8), "TimeStamp": (1 << 64) - 1})
tell(Header={"SessionID": bytes(8), "TimeStamp": 1 << 32})
tell(Header={"SessionID": bytes(8), "TimeStamp": False})
try:
    print(exi.encode("iso20_common", "SessionSetupReq", {"Header": H, "EVCCID": b"ab"}))
except exi.EXIError as e:
    print(e)
for text in ("", "abc", "Z\\u00fcrich \\U0001f697", "x" * 255):
    data = exi.encode("iso20_common", "SessionSetupReq", {"Header": H, "EVCCID": text})
    print(data.hex(), exi.decode("iso20_common", data)[1]["EVCCID"] == text)
from evcc.exi import fragments
value = {"Id": "id4", "value": "DEXYZ123456789"}
data = fragments.encode("iso2", "eMAID", value)
print(data.hex(), fragments.decode("iso2", data) == ("eMAID", value))
"""


def lines():
    for line in (FOLDER / "messages.jsonl").read_text().splitlines():
        record = json.loads(line)
        yield f"{record['schema']} {record['exi']} 1"
    # cut, bit-flipped and lengthened ones of the two most frequent
    for line in (FOLDER / "messages.jsonl").read_text().splitlines():
        record = json.loads(line)
        if record["name"].startswith("typ") or record["schema"] == "sap":
            data = bytes.fromhex(record["exi"])
            for i in range(len(data)):
                yield f"{record['schema']} {data[:i].hex() or '00'} 0"
                bad = bytearray(data)
                bad[i] ^= 0x10
                yield f"{record['schema']} {bad.hex()} 0"
            yield f"{record['schema']} {data.hex()}00 0"
    folder = os.environ.get("UEVCC_FIELD_DATA")
    if folder:
        for line in (Path(folder) / "exi.jsonl").read_text().splitlines():
            record = json.loads(line)
            if record["schema"]:
                yield f"{record['schema']} {record['exi']} 0"


def run(mpy, machine, name, kernels, script, stdin=None):
    folder = mpy(MODULES, ARCH[name] if kernels else None)
    done = micropython(
        script, machine=machine(name), heap="1m", path=[folder], timeout=300, stdin=stdin
    )
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-1500:]
    return done.stdout


@pytest.mark.parametrize("kernels", (True, False), ids=("viper", "plain"))
@pytest.mark.parametrize("name", ("i386", "armhf"))
def test_vectors(mpy, machine, name, kernels):
    stdin = "\n".join(lines()) + "\n"
    out = run(mpy, machine, name, kernels, SCRIPT.replace("{kernels}", str(kernels)), stdin)
    count, direct = map(int, out.split())
    assert count == stdin.count("\n")
    if kernels:
        assert direct > 100


@pytest.mark.parametrize("name", ("i386", "armhf"))
def test_errors_are_the_same_with_kernels(mpy, machine, name):
    texts = [run(mpy, machine, name, kernels, ERRORS) for kernels in (True, False)]
    assert texts[0] == texts[1]
    assert "DC_PreChargeReq.EVTargetVoltage.Value: 4294967297 is not in -32768..32767" in texts[0]
    assert texts[0].count("True") == 5 + 1  # five round trips, "True is no integer"
