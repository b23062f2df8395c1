# SPDX-License-Identifier: MIT
"""The test PKI of EcoG's package, made by its own script, and the car's part of it in our form."""

import shutil
import subprocess
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


def make(folder, python):
    """(PKI_PATH for the SECC, pki_dir for our car) below `folder`. `python`: of the package."""
    found = subprocess.run(
        [str(python), "-c", "import iso15118.shared as m; print(m.__path__[0])"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    theirs = Path(folder) / "ecog_pki"
    shutil.copytree(Path(found.stdout.strip()) / "pki", theirs)
    done = subprocess.run(
        ["bash", "create_certs.sh", "-v", "iso-2"],
        cwd=theirs, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    root = theirs / "iso15118_2"
    assert (root / "certs" / "seccLeafCert.pem").is_file(), done.stdout + done.stderr
    return theirs, _ours(root, Path(folder) / "car_pki")


def _ours(root, folder):
    """What a car holds: V2G root, its chain and its key, as DER."""
    certs, keys = root / "certs", root / "private_keys"
    (folder / "v2g_root").mkdir(parents=True)
    (folder / "vehicle_ca").mkdir()
    _der(certs / "v2gRootCACert.pem", folder / "v2g_root" / "root.der")
    _der(certs / "oemLeafCert.pem", folder / "vehicle.der")
    _der(certs / "oemSubCA2Cert.pem", folder / "vehicle_ca" / "1.der")
    _der(certs / "oemSubCA1Cert.pem", folder / "vehicle_ca" / "2.der")
    password = next(keys.glob("oemLeaf*assword.txt")).read_text().split()[0]
    key = load_pem_private_key((keys / "oemLeaf.key").read_bytes(), password.encode())
    (folder / "vehicle.key").write_bytes(
        key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    )
    return folder


def _der(pem, path):
    cert = x509.load_pem_x509_certificate(pem.read_bytes())
    path.write_bytes(cert.public_bytes(Encoding.DER))


if __name__ == "__main__":
    print(*make(*sys.argv[1:]))
