# SPDX-License-Identifier: MIT
"""The log of the last session as a pcapng file: the ring's frames, decoded steps as comments.

Written like all files of the device (new, synced, renamed). What names a car or a contract
(EVCCID, eMAID and the certificates that carry it) is blanked unless asked for: payloads of the
exchanges below, where they travel without TLS. Not masked: Ethernet and IPv6 addresses, which are
the EVCCID of a car that has no other, and what TLS hides already.
"""

import os

from evcc.store import commit, put

# requests whose exchange names the car or its contract (ISO 15118-20, -2)
PRIVATE = (
    "SessionSetupReq AuthorizationReq PaymentDetailsReq CertificateInstallationReq "
    "CertificateUpdateReq"
).split()


def write(path, trace, ids=False, unix=None, secrets=(), wrap=None):
    """`path` gets the ring of `trace`. `unix`: Unix time of the clock's zero in s, None: not
    known. `secrets`: lines of the NSS key log. `wrap`: None, or gets the file's `write` and gives
    the one to use. Raises OSError."""
    from evcc.pcap import dump

    folder = path.rpartition("/")[0]
    if folder:
        try:
            os.stat(folder)
        except OSError:
            os.mkdir(folder)
    records = trace if ids else masked(trace)
    epoch = (unix or 0) * 1000000
    lines = "".join([line.strip() + "\n" for line in secrets])
    put(path, lambda out: dump(records, wrap(out) if wrap else out, epoch, secrets=lines))
    commit(path)


def masked(trace):
    """The records of `trace`, private payloads blanked."""
    # Where the ring lost the beginning, frames before the first request are of an unknown one.
    private = trace.lost > 0
    for record in trace:
        now, kind, out, data, original = record
        if kind == 2:  # a message
            if out:
                private = data.split(" ")[0] in PRIVATE
        elif kind == 1 and private:
            start = payload(data)
            if start and data[start : start + 2] == b"\x01\xfe":
                start += 8  # V2GTP's header stays
            if start and start < len(data) and data[start + 1 : start + 2] != b"\x03":
                data = data[:start] + bytes(len(data) - start)
                record = now, kind, out, data, original
        yield record


def payload(frame):
    """Where TCP's payload begins in an Ethernet frame; None if it has none."""
    if len(frame) < 74 or frame[12:14] != b"\x86\xdd" or frame[20] != 6:
        return None
    start = 54 + (frame[66] >> 4) * 4
    return start if start < len(frame) else None
