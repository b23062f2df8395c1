# SPDX-License-Identifier: MIT
"""The device in MicroPython on a raw link of this PC, by the wall clock."""

import select
import struct
import time
from pathlib import Path

from tools.vm.build import settings_text
from tools.vm.process import NAMES, Ended, Process


def run_frames(
    link, params, *, machine, heap=None, loops=None, limit_s=300, lines=None, trace=None, log=20
):
    """One session with the device in MicroPython on a raw link, by the wall clock.

    link: frame port with `fileno()`; with TLS the device gets a copy of the folder pki_dir. heap:
    192k, with TLS 256k. trace: object with `frame(out, frame, now)`. Returns the
    summary, with "messages" by kind. Raises Ended or tools.vm.VMError.
    """
    begin = time.monotonic()
    start_unix = int(time.time())

    def clock():
        return int((time.monotonic() - begin) * 1000)

    options = [f"unix={start_unix}", f"log={log}"]
    if loops:
        options.append(f"loops={loops}")
    pki = params.pki_dir if params.sdp_tls and Path(params.pki_dir).is_dir() else None
    heap = heap or ("256k" if pki else "192k")
    process = Process(
        settings_text(params, ("pki_dir",)), "frames", machine=machine,
        heap=heap, options=options, lines=lines, limit_s=30, pki=pki,
    )  # fmt: skip
    frame = b""
    try:
        while process.summary is None:
            kind, out, _ = process.request()
            if kind == "C":
                process.answer(struct.pack("<I", clock()))
            elif kind == "S":
                process.errors()
                wait = struct.unpack("<I", out)[0] - clock()
                if wait > 0:
                    select.select([link.fileno()], [], [], wait / 1000)
                if clock() > limit_s * 1000:
                    raise Ended(f"no end of the session after {limit_s} s", None)
                process.answer(struct.pack("<I", clock()))
            elif kind == "L":
                link.poll(clock())
                process.answer(bytes((bool(link.ready), link.restarts & 255)))
            elif kind == "G":
                got = link.receive()
                frame = b"" if got is None else bytes(got)
                if trace and frame:
                    trace.frame(False, frame, clock())
                process.answer(struct.pack("<H", len(frame)))
            elif kind == "g":
                process.answer(frame)
            elif kind == "F":
                if trace:
                    trace.frame(True, out, clock())
                process.answer(b"\1" if link.send(out) else b"\0")
            elif kind == "O":
                pass  # the safe levels at boot: there are no pins
            else:
                process._end(f"message {kind!r} has no place on this border")
        return dict(process.summary, messages={NAMES[k]: n for k, n in process.counts.items()})
    finally:
        process.close()
