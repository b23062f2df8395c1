# SPDX-License-Identifier: MIT
"""One TLS connection to a station: what was agreed, the chain, OCSP, times, objections.

The probe is lenient (no role wanted, OCSP only warned about) so that it sees as much as possible;
`objections` then says what the strict profile would not take. It sends no V2G message.
"""

import os
import socket
import time

from evcc.pki import CertificateError, store
from evcc.pki.clock import Clock
from evcc.pki.x509 import SERVER_AUTH, Certificate
from evcc.tls.client import TlsClient
from evcc.tls.profile import GROUPS, PROFILES, SCHEMES
from evcc.tls.protection import SUITES


def with_tls12(profile):
    """The same with TLS 1.2 and the suites of ISO 15118-2 offered too (its 7.7.3)."""
    suites, groups, schemes, first, versions = profile
    return (
        suites + (0xC023, 0xC025),  # ECDHE_ECDSA and ECDH_ECDSA with AES_128_CBC_SHA256
        groups if 0x0017 in groups else groups + (0x0017,),
        schemes if 0x0403 in schemes else schemes + (0x0403,),
        first,
        versions + (0x0303,),
    )


class Params:
    ocsp_policy = "lenient"
    tls_max_fragment = 0

    def __init__(self, profile, timeout_ms):
        self.tls_profile, self.tls_timeout_ms = profile, timeout_ms


class Probe:
    """`run()` connects and shakes hands; then `tls`, `chain`, `times` (text, ms) can be read."""

    def __init__(
        self, host, port, interface=None, pki=None, profile="strict", timeout=10, tls12=False
    ):
        """tls12: offer TLS 1.2 as well, as a car with ISO 15118-2 does, to see what is chosen."""
        self.host, self.port, self.interface = host, port, interface
        self.timeout = timeout
        self.chain, self.times, self.fault = [], [], None
        roots = store.roots(pki) if pki else []
        identity = None
        if pki and os.path.exists(os.path.join(pki, "vehicle.der")):
            identity = store.identities(pki)
        self.tls = TlsClient(
            self._send,
            os.urandom,
            roots,
            identity,
            Params(profile, 1000 * timeout),
            Clock(lambda: int(time.time())),
            role=None,
        )
        self.tls.on_chain = self.chain.extend
        if tls12:
            self.tls.profile = with_tls12(self.tls.profile)

    def _send(self, data):
        self.sock.sendall(bytes(data))
        return True

    def _mark(self, text):
        self.times.append((text, 1000 * (time.monotonic() - self.start)))

    def _address(self):
        host = self.host
        if self.interface and ":" in host and "%" not in host:
            host += "%" + self.interface
        return socket.getaddrinfo(host, self.port, 0, socket.SOCK_STREAM)[0]

    def run(self):
        """True when the handshake was completed. Sets `fault` (text) when nothing answers."""
        self.start = time.monotonic()
        try:
            family, kind, protocol, _, address = self._address()
            self.sock = socket.socket(family, kind, protocol)
        except OSError as e:
            self.fault = "%s: %s" % (self.host, e.strerror or e)
            return False
        with self.sock:
            self.sock.settimeout(self.timeout)
            try:
                self.sock.connect(address)
                self._mark("TCP connected")
                return self._shake()
            except TimeoutError:
                self.fault = "no answer within %d s" % self.timeout
            except OSError as e:
                self.fault = "%s port %s: %s" % (self.host, self.port, e.strerror or e)
        return False

    def _shake(self):
        tls = self.tls
        tls.start(0)
        seen = 0
        while tls.state == "handshake":
            now = int(1000 * (time.monotonic() - self.start))
            if tls.step(now) <= now or tls.state != "handshake":
                continue
            data = self.sock.recv(4096)
            if not data:
                tls.lost()
                break
            if not seen:
                self._mark("first answer")
            seen += len(data)
            tls.feed(data, now)
        if tls.state == "ready":
            self._mark("handshake complete")
            self._linger()
            tls.close()
        return tls.state == "closed" and tls.error is None

    def _linger(self):
        """A station that dislikes our certificate says so only after our last message."""
        self.sock.settimeout(0.3)
        try:
            while self.tls.state == "ready":
                data = self.sock.recv(4096)
                if not data:
                    self.tls.lost()
                self.tls.feed(data, 0)
        except TimeoutError:
            pass


def objections(probe):
    """Texts: what ISO 15118-20 does not allow in what this station did."""
    suites, groups, schemes, _, _ = PROFILES["strict"]
    a = probe.tls.agreed
    out = []
    if a.get("suite") and a["suite"] not in [SUITES[s][3] for s in suites]:
        out.append("suite %s" % a["suite"])
    if a.get("group") and a["group"] not in [GROUPS[g] for g in groups]:
        out.append("key exchange on %s" % a["group"])
    if a.get("scheme") and a["scheme"] not in [SCHEMES[s][2] for s in schemes]:
        out.append("signature %s" % a["scheme"])
    if probe.tls.state == "closed" and "client_certificate" not in a:
        out.append("no certificate of the car was asked for [V2G20-2400]")
    for i, (der, response) in enumerate(probe.chain):
        try:
            c = Certificate(der)
        except (ValueError, IndexError) as e:
            out.append("certificate %d cannot be read: %s" % (i, e))
            continue
        who = c.title()
        if len(der) > 1600:
            out.append("%s: %d bytes, at most 1600" % (who, len(der)))
        if c.kind not in ("P-521", "Ed448"):
            out.append("%s: key of kind %s" % (who, c.kind or "unknown"))
        if i == 0 and "CPO" not in c.names():
            out.append("%s: subject has no domain component CPO" % who)
        if i == 0 and c.purposes is not None and SERVER_AUTH not in c.purposes:
            out.append("%s: not for server authentication" % who)
        if response is None and c.subject != c.issuer:
            out.append("%s: no OCSP response stapled [V2G20-2409]" % who)
    if len(probe.chain) > 4:
        out.append("%d certificates, at most 4" % len(probe.chain))
    return out


def report(probe):
    """Lines for people."""
    a, tls = probe.tls.agreed, probe.tls
    lines = ["profile    %s" % a["profile"]]
    if probe.fault:
        lines.append("result     FAILED: %s" % probe.fault)
        return lines
    good = tls.state == "closed" and tls.error is None
    lines.append("result     %s" % ("ok" if good else "FAILED: %s" % tls.error))
    for key, text in (
        ("version", "version"),
        ("suite", "suite"),
        ("group", "exchange"),
        ("scheme", "signature"),
        ("root", "root"),
        ("ocsp", "OCSP"),
        ("retry", "retry"),
        ("client_certificate", "our cert"),
    ):
        if key in a:
            value = {True: "yes", False: "no"}.get(a[key], a[key])
            lines.append("%-10s %s" % (text, value))
    for i, (der, response) in enumerate(probe.chain):
        try:
            from tools.pki.show import line

            text = line(Certificate(der))
        except (ValueError, IndexError, CertificateError) as e:
            text = "cannot be read: %s" % e
        lines.append("chain %d    %s, %d bytes" % (i, text, len(der)))
        lines.append("           %s" % ("OCSP stapled" if response else "no OCSP"))
    for text, ms in probe.times:
        lines.append("time       %7.1f ms  %s" % (ms, text))
    for warning in a["warnings"]:
        lines.append("warning    %s" % warning)
    found = objections(probe)
    for text in found:
        lines.append("-20        objects: %s" % text)
    if good and not found:
        lines.append("-20        nothing to object to")
    return lines
