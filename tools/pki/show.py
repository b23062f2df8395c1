# SPDX-License-Identifier: MIT
"""Explains a PKI folder: what is there, what chains to what, what is missing or expired."""

import time
from datetime import datetime, timezone
from pathlib import Path

from evcc.crypto import run
from evcc.pki import CertificateError, ocsp, path, store
from evcc.pki.clock import Clock
from evcc.pki.x509 import Certificate

ROOTS = (
    ("v2g_root", "V2G root: the car trusts stations below it"),
    ("oem_root", "OEM root: the station trusts vehicles below it"),
    ("mo_root", "MO root: contracts"),
)
CREDENTIALS = (
    ("vehicle", "vehicle certificate: the car's TLS identity", "oem_root v2g_root"),
    ("oem_prov", "OEM provisioning certificate", "oem_root v2g_root"),
    ("contract/1", "contract certificate", "mo_root v2g_root"),
    ("cps", "CPS: signs installation data (backend)", "v2g_root"),
    ("secc", "SECC: the emulated station's TLS identity", "v2g_root"),
)


def day(t):
    return datetime.fromtimestamp(t, timezone.utc).strftime("%Y-%m-%d")


def line(cert):
    return "%-28s %-6s %s .. %s" % (cert.title(), cert.kind, day(cert.start), day(cert.end))


def show(folder, seconds=None):
    """(lines, faults): text for people; faults: how many things are wrong or missing."""
    folder = Path(folder)
    lines, faults = [], 0
    clock = Clock(lambda: int(time.time()) if seconds is None else seconds)
    anchors = {}
    for what, text in ROOTS:
        lines.append(text)
        try:
            anchors[what] = store.roots(str(folder), what)
        except CertificateError as e:
            anchors[what] = []
            lines.append("  BAD      %s" % e)
        for c in anchors[what]:
            fault = clock.judge(c.start, c.end)
            faults += bool(fault)
            lines.append("  %-8s %s" % (fault or "ok", line(c)))
        if not anchors[what]:
            faults += what == "v2g_root"
            lines.append("  missing  put DER files into %s" % (folder / what))
    more = [path.stem for path in sorted(folder.glob("vehicle_*.der"))]
    for what, text, names in CREDENTIALS + tuple([(one, *CREDENTIALS[0][1:]) for one in more]):
        lines.append(text)
        if not (folder / (what + ".der")).exists():
            faults += what == "vehicle"
            lines.append("  missing  %s" % (folder / (what + ".der")))
            continue
        try:
            one = store.Identity(str(folder), what)
            run(one.check(lambda n: bytes(n)))
            lines.append("  ok       %s; key belongs to it" % line(one.leaf))
            chain = [Certificate(der) for der in one.chain]
            roots = [c for n in names.split() for c in anchors[n]]
            for c in run(path.build(chain, roots, clock))[1:]:
                lines.append("  under    %s" % line(c))
        except (CertificateError, ValueError) as e:
            faults += 1
            lines.append("  BAD      %s" % e)
            continue
        if what == "secc":
            faults += _responses(folder, chain + roots, clock, lines)
    return lines, faults


def _responses(folder, certs, clock, lines):
    faults = 0
    for i, cert in enumerate(certs[:-1]):
        file = folder / "ocsp" / ("secc_%d.der" % i)
        if not file.exists():
            lines.append("  OCSP     none for %s (%s)" % (cert.title(), file))
            continue
        issuer = next((c for c in certs if c.subject == cert.issuer), None)
        try:
            if issuer is None:
                continue
            run(ocsp.check(cert, issuer, file.read_bytes(), clock))
            lines.append("  OCSP     good for %s" % cert.title())
        except CertificateError as e:
            faults += 1
            lines.append("  OCSP     BAD: %s" % e)
    return faults
