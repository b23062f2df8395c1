# SPDX-License-Identifier: MIT
"""TLS 1.3 of the station: OpenSSL between TCP and the V2GTP framing, without a socket.

Mutual authentication as ISO 15118-20 wants it (chapter 7.7.3): the station shows its chain and
requires the car's certificate. OpenSSL through Python's ssl, so that the car's TLS never talks to
itself. What ssl cannot do: staple OCSP responses.
"""

import ssl
from pathlib import Path

GROUPS = {"strict": "secp521r1", "bench": "prime256v1"}


class TlsError(Exception):
    """str(): what is missing in which folder, or what the handshake failed on."""


def context(folder, profile="strict"):
    """An SSLContext of a PKI folder (`python -m tools.pki make`): SECC chain and key, OEM root."""
    folder = Path(folder)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.verify_mode = ssl.CERT_REQUIRED
    made.num_tickets = 0  # -20 has no resumption
    made.set_ecdh_curve(GROUPS[profile])
    try:
        made.load_cert_chain(folder / "secc.pem", folder / "secc_key.pem")
        made.load_verify_locations(folder / "oem_root.pem")
    except OSError as error:  # ssl.SSLError is one
        raise TlsError(
            f"no station certificate in {folder} ({error}); make one: "
            f"python -m tools.pki make {folder}"
        ) from None
    return made


class TlsServer:
    """One connection. `feed` takes TLS bytes and returns plaintext; `write` takes plaintext.

    What has to go out waits in `pending` until `flush(send)` got rid of it.
    """

    def __init__(self, made):
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = made.wrap_bio(self._in, self._out, server_side=True)
        self.ready = False
        self.pending = b""

    def feed(self, data):
        """Plaintext of what came. Raises TlsError; the alert is in `pending` then."""
        self._in.write(data)
        plain = b""
        try:
            if not self.ready:
                self._tls.do_handshake()
                self.ready = True
            while True:
                part = self._tls.read(65536)
                if not part:
                    break
                plain += part
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            raise TlsError(error.reason or str(error)) from None
        finally:
            self.pending += self._out.read()
        return plain

    def write(self, data):
        self._tls.write(data)
        self.pending += self._out.read()

    def flush(self, send):
        """Hand `pending` to `send(bytes) -> bool`; False when it did not take all."""
        while self.pending:
            part = self.pending[:1400]
            if not send(part):
                return False
            self.pending = self.pending[len(part) :]
        return True

    def describe(self):
        """What was agreed, for the log."""
        peer = dict(field[0] for field in self._tls.getpeercert()["subject"])
        suite, version, _ = self._tls.cipher()
        return f"{version} {suite}, car {peer.get('commonName', '?')}"
