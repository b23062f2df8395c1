# SPDX-License-Identifier: MIT
"""CPython's speed of the EXI codec against the Java codec inside the PyPI package `iso15118`.

Both sides turn bytes into a dict and a dict into bytes. The package's codec runs in its own
environment (peer `ecog`) and its own JVM, in the same run; the two take turns message by message,
so that a busy machine slows both. Figures are the best call of 40, after as many calls to warm up
on either side. The package reads and writes JSON text on the way, which is counted; its pydantic
models are not. It sets up its XML binding anew for every message but SAP's, which is why that one
costs it so little.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from evcc import exi

from tools import ROOT, peers
from tools.exi import json_form

VECTORS = ROOT / "tools" / "bench" / "exi_messages.json"
GOALS = {"decode": ">= 60", "encode": ">= 40"}
_NAMESPACES = {
    "sap": "urn:iso:15118:2:2010:AppProtocol",
    "iso2": "urn:iso:15118:2:2013:MsgDef",
    "iso20_common": "urn:iso:std:iso:15118:-20:CommonMessages",
    "iso20_dc": "urn:iso:std:iso:15118:-20:DC",
}
_MESSAGES = (
    "supportedAppProtocolReq",
    "iso2 CurrentDemandReq",
    "iso2 CurrentDemandRes",
    "20 DC_ChargeLoopReq BPT dyn",
    "20 DC_ChargeLoopRes BPT dyn",
    "20 ServiceDetailRes big",
    "20 AuthorizationReq PnC chain",
    "2 CertificateInstallationRes",
)
_WARM, _COUNT = 60, 40  # calls of each operation before it counts, and counted
_LIMIT_S = 6  # a slow machine: the package's calls of one operation end here

# Runs in the package's environment: one JSON line in, one out. Kept to what that needs.
_OTHER_SIDE = """
import json, sys, time
from iso15118.shared.exificient_exi_codec import ExificientEXICodec
codec = ExificientEXICodec()
real = sys.stdout
sys.stdout = sys.stderr
for line in sys.stdin:
    job = json.loads(line)
    data, space, message = bytes.fromhex(job["exi"]), job["namespace"], job["json"]
    def decode():
        return json.loads(codec.decode(data, space))
    def encode():
        return bytes(codec.encode(json.dumps(message), space))
    answer = {"decoded": decode(), "encoded": encode().hex()}
    for name, work in (("decode", decode), ("encode", encode)):
        times = []
        stop = time.perf_counter() + job["limit"]
        while len(times) < job["warm"] + job["count"] and time.perf_counter() < stop:
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
        answer[name] = min(times[-job["count"]:])
    print(json.dumps(answer), file=real, flush=True)
"""


class _Package:
    """The other side: a process that is asked for one message after the other."""

    def __init__(self):
        peer = peers.get("ecog")
        env = peers.get("jre").env()
        env.pop("JAVA_TOOL_OPTIONS", None)  # its best: the JVM's own compiler settings
        self.process = subprocess.Popen(
            [str(peer.python), "-c", _OTHER_SIDE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=dict(env, PYTHONUNBUFFERED="1"),
            cwd=os.sep,
        )

    def measure(self, schema, data, form):
        job = {"exi": data.hex(), "namespace": _NAMESPACES[schema], "json": form}
        self.process.stdin.write(
            json.dumps(dict(job, warm=_WARM, count=_COUNT, limit=_LIMIT_S)) + "\n"
        )
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)


def _ours(work, *arguments):
    times = []
    for _ in range(_WARM + _COUNT):
        start = time.perf_counter()
        work(*arguments)
        times.append(time.perf_counter() - start)
    return min(times[_WARM:])


def measure():
    """Yield (message, {"decode": (ours, theirs), "encode": (ours, theirs)}) in seconds.

    Raises AssertionError when the two codecs disagree about a message.
    """
    vectors = json.loads(Path(VECTORS).read_text())
    package = _Package()
    try:
        for label in _MESSAGES:
            schema, text = vectors[label]
            data = bytes.fromhex(text)
            root, message = exi.decode(schema, data)
            form = {root: json_form.to_json(schema, message, root)}
            other = package.measure(schema, data, form)
            assert other["encoded"] == text, "%s: the package writes %s" % (
                label,
                other["encoded"],
            )
            assert exi.encode(schema, root, message) == data, label
            yield (
                label,
                {
                    "decode": (_ours(exi.decode, schema, data), other["decode"]),
                    "encode": (_ours(exi.encode, schema, root, message), other["encode"]),
                },
            )
    finally:
        package.close()


def rows():
    """Rows of the bench: how many times faster than the package, each message both ways."""
    for name in ("ecog", "jre"):
        why = peers.get(name).missing()
        if why:
            return [
                _row(label, way, None, why=why)
                for label in _MESSAGES
                for way in ("decode", "encode")
            ]
    return [
        _row(label, way, theirs / ours, text="%.0f us / %.1f ms" % (ours * 1e6, theirs * 1e3))
        for label, figures in measure()
        for way, (ours, theirs) in figures.items()
    ]


def _row(label, way, value, **more):
    name = "exi CPython against iso15118's codec: %s %s" % (label, way)
    return dict(name=name, value=value, unit="times", goal=GOALS[way], noisy=True, **more)


if __name__ == "__main__":
    for row in rows():
        print("%-75s %6.0f  goal %s  %s" % (row["name"], row["value"], row["goal"], row["text"]))
    sys.exit(0)
