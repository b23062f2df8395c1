# SPDX-License-Identifier: MIT
"""Independent programs that tests and the bench use: which they are and where they lie.

Everything lands under `.peers/` of the repository, nothing on the system and nothing needs root:
Debian packages unpacked by `get_debian.sh`, PyPI packages in virtual environments of their own.
`python -m tools.peers` shows the table, `python -m tools.peers fetch NAME...` fetches.
"""

from . import (
    adafruit_sd,
    blinka,
    dnsmasq,
    dosfstools,
    ecog,
    gnutls,
    iproute2,
    jre,
    manifestfile,
    micropython,
    openssl,
    plc_utils,
    pyslac,
    qemu,
    schemas,
    tshark,
)

PEERS = {
    peer.name: peer
    for peer in (
        micropython.I386,
        micropython.ARMHF,
        qemu.PEER,
        schemas.PEER,
        jre.PEER,
        ecog.PEER,
        pyslac.PEER,
        blinka.PEER,
        plc_utils.PEER,
        tshark.PEER,
        iproute2.PEER,
        openssl.PEER,
        dnsmasq.PEER,
        gnutls.PEER,
        manifestfile.PEER,
        adafruit_sd.PEER,
        dosfstools.PEER,
    )
}


def get(name):
    """The peer of that name; KeyError with the known names otherwise."""
    try:
        return PEERS[name]
    except KeyError:
        raise KeyError(f"no peer {name!r}; there are: {', '.join(PEERS)}") from None
