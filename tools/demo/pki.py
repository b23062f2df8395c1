# SPDX-License-Identifier: MIT
"""The demo's throw-away PKI: made once, made again before it expires.

Two clocks have to find it valid: the simulated one, which starts at the demo's epoch, and the
PC's, by which the station's OpenSSL looks at the car's certificate.
"""

from datetime import datetime, timedelta, timezone

from cryptography import x509

from tools.pki.maker import make

from .record import EPOCH_S

_SPARE = timedelta(days=3)
_DAYS = 60


def throw_away(folder, kind="P-521", now=None):
    """See that `folder` holds a PKI that both clocks accept; True when it had to be made."""
    now = now or datetime.now(timezone.utc)
    epoch = datetime.fromtimestamp(EPOCH_S, timezone.utc)
    first, last = min(epoch, now), max(epoch, now)
    stamp = folder / "kind"
    try:
        if stamp.read_text() == kind:
            lives = [_life(folder / name) for name in ("vehicle.der", "secc.der")]
            if all(start <= first and last + _SPARE <= end for start, end in lives):
                return False
    except (OSError, ValueError):
        pass
    folder.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    make(folder, kind, days=(last - first).days + _DAYS, now=first)
    stamp.write_text(kind)
    return True


def _life(path):
    """(start, end) of a certificate. OSError, ValueError."""
    cert = x509.load_der_x509_certificate(path.read_bytes())
    return cert.not_valid_before_utc, cert.not_valid_after_utc
