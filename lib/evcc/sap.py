# SPDX-License-Identifier: MIT
"""supportedAppProtocol: what we offer, in which order, and what the station took.

ISO 15118-20 8.2 (and -2, DIN: the same message). The answer is a commitment to one message set:
what no wanted energy service needs is not offered. MCS has no namespace, it runs under DC's.
"""

from evcc import exi, v2gtp
from evcc.compat import const
from evcc.reasons import V2GError

# name: namespace, major version
PROTOCOLS = {
    "iso20_dc": ("urn:iso:std:iso:15118:-20:DC", 1),
    "iso20_ac": ("urn:iso:std:iso:15118:-20:AC", 1),
}
_TIMEOUT_MS = const(2000)  # V2G_EVCC_Msg_Timeout of supportedAppProtocol


def offer(params):
    """Protocols of the settings that a wanted service needs, that of the best service first.

    Raises V2GError when there is none.
    """
    from evcc.iso20 import service

    needed = [service.protocol(name) for name in service.wanted(params)]
    listed = [name.strip() for name in params.protocols.split(",")]
    names = [name for name in listed if name in PROTOCOLS and name in needed]
    if not names:
        raise V2GError("NO_SERVICE", "settings: no service for inlet, services and protocols")
    names.sort(key=needed.index)
    return names


class Sap:
    """The dialect of this one exchange. `names`: protocols offered, best first."""

    def __init__(self, names, trace=None):
        self.names = names
        self.agreed = None
        self._trace = trace

    def story(self):
        offer = []
        for i, name in enumerate(self.names):
            space, major = PROTOCOLS[name]
            offer.append(
                {
                    "ProtocolNamespace": space,
                    "VersionNumberMajor": major,
                    "VersionNumberMinor": 0,
                    "SchemaID": i + 1,
                    "Priority": i + 1,
                }
            )
        response = yield "supportedAppProtocol", {"AppProtocol": offer}
        chosen = response.get("SchemaID", 0)
        if response["ResponseCode"].startswith("Failed") or not 1 <= chosen <= len(self.names):
            raise V2GError("NO_PROTOCOL", response["ResponseCode"])
        self.agreed = self.names[chosen - 1]

    def limits(self, name):
        return _TIMEOUT_MS, None

    def expects(self, payload_type, state):
        return payload_type == v2gtp.SAP

    def encode(self, name, body, now):
        payload = exi.encode("sap", name + "Req", body)
        message = bytearray(8 + len(payload))
        v2gtp.pack_header(message, v2gtp.SAP, len(payload))
        message[8:] = payload
        if self._trace:
            self._trace.message(True, name + "Req", body, now)
        return message

    def decode(self, state, payload_type, payload, now):
        name, response = exi.decode("sap", payload)
        if self._trace:
            self._trace.message(False, name, response, now)
        if name != state + "Res":
            raise V2GError("WRONG_MESSAGE", name)
        return response
