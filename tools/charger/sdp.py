# SPDX-License-Identifier: MIT
"""SECC Discovery Protocol, station's side (ISO 15118-20 and -2 V2GTP 0x9000/0x9001): one datagram
in, one answer out. The wireless variant (0x9002) is not answered.
"""

SDP_PORT = 15118
ALL_NODES = bytes.fromhex("ff020000000000000000000000000001")
TLS, NO_TLS, TCP = 0x00, 0x10, 0x00

_REQUEST = bytes.fromhex("01fe900000000002")
_ANSWER = bytes.fromhex("01fe900100000014")


def answer(request, address, port, security="as asked"):
    """The SDP response (28 bytes) for a request's payload, or None when it is no request.

    address: 16 bytes; security: "none" or "tls" answers that, "as asked" what the car asked for.
    """
    request = bytes(request)
    if len(request) < 10 or request[:8] != _REQUEST or request[9] != TCP:
        return None
    if request[8] not in (TLS, NO_TLS):
        return None
    byte = {"none": NO_TLS, "tls": TLS}.get(security, request[8])
    return _ANSWER + address + port.to_bytes(2, "big") + bytes((byte, TCP))


def choose(setting, request, able):
    """ "none" or "tls" for a request: by the setting `sdp_security`, and whether TLS is there."""
    if setting != "as asked":
        return setting
    return "tls" if able and request[8:9] == bytes((TLS,)) else "none"
