# SPDX-License-Identifier: MIT
"""ISO 15118-20 messages common to all services, station's side: supportedAppProtocol,
SessionSetup, Authorization*, Service*, MeteringConfirmation, SessionStop. EIM only.

A handler is `f(secc, request, now) -> (next state, response fields)`; it raises `Refuse` for a
FAILED answer. Plug and Charge, CertificateInstallation and parking messages are not here.
"""

from tools.charger.secc import vas
from tools.charger.secc.config import SERVICES
from tools.charger.secc.vas import Refuse

NAMESPACE_AC = "urn:iso:std:iso:15118:-20:AC"
NAMESPACE_DC = "urn:iso:std:iso:15118:-20:DC"


def supported_app_protocol(secc, request, now):
    """[V2G20-167/169]: of the entries served here the one that the car ranked best."""
    entries = sorted(request["AppProtocol"], key=lambda entry: entry["Priority"])
    ranks = [entry["Priority"] for entry in entries]
    ids = [entry["SchemaID"] for entry in entries]
    if len(set(ranks)) < len(ranks) or len(set(ids)) < len(ids):
        secc.blame("offer", "supportedAppProtocolReq: Priority or SchemaID used twice", now)
    served = {NAMESPACE_AC if s.ac else NAMESPACE_DC for s in secc.services.values()}
    for entry in entries:
        if entry["ProtocolNamespace"] in served and entry["VersionNumberMajor"] == 1:
            ac = entry["ProtocolNamespace"] == NAMESPACE_AC
            secc.services = {i: s for i, s in secc.services.items() if s.ac == ac}
            exact = entry["VersionNumberMinor"] == 0
            code = "OK_SuccessfulNegotiation" + ("" if exact else "WithMinorDeviation")
            return "supportedAppProtocol", {"ResponseCode": code, "SchemaID": entry["SchemaID"]}
    offered = ", ".join(entry["ProtocolNamespace"] for entry in entries)
    raise Refuse(
        "Failed_NoNegotiation", f"served: {', '.join(sorted(served))} 1.0; offered: {offered}"
    )


def session_setup(secc, request, now):
    secc.evccid = request["EVCCID"]
    wanted = bytes(request["Header"]["SessionID"])
    stored = secc.memory.get("paused")
    if any(wanted) and stored and stored["id"] == wanted and stored["evccid"] == secc.evccid:
        secc.session_id = wanted
        secc.choose(stored["service"], stored["set"])
        secc.joined = True
        return "SessionSetup(Joined)", {
            "ResponseCode": "OK_OldSessionJoined",
            "EVSEID": secc.config.evse_id,
        }
    secc.memory.pop("paused", None)
    secc.session_id = wanted
    while secc.session_id == wanted or not any(secc.session_id):
        secc.session_id = bytes(secc.urandom(8))
    return "SessionSetup", {
        "ResponseCode": "OK_NewSessionEstablished",
        "EVSEID": secc.config.evse_id,
    }


def authorization_setup(secc, request, now):
    return "AuthorizationSetup", {
        "AuthorizationServices": ["EIM"],
        "CertificateInstallationService": False,
        "EIM_ASResAuthorizationMode": {},
    }


def authorization(secc, request, now):
    mode = request["SelectedAuthorizationService"]
    if mode != "EIM" or "EIM_AReqAuthorizationMode" not in request:
        return "Authorization(Refused)", {
            "ResponseCode": "WARNING_AuthorizationSelectionInvalid",
            "EVSEProcessing": "Finished",
        }
    if secc.elapsed("Authorization", now) < secc.config.authorization_ms:
        return "Authorization(Ongoing)", {"EVSEProcessing": "Ongoing"}
    secc.timers.pop("Authorization")
    if secc.config.authorization == "refuse":
        return "Authorization(Refused)", {
            "ResponseCode": "WARNING_EIMAuthorizationFailure",
            "EVSEProcessing": "Finished",
        }
    return "Authorization(Finished)", {"EVSEProcessing": "Finished"}


def service_discovery(secc, request, now):
    """SupportedServiceIDs narrows the value-added services only."""
    services = [{"ServiceID": i, "FreeService": not secc.config.prices} for i in secc.services]
    answer = {
        "ServiceRenegotiationSupported": secc.config.service_renegotiation,
        "EnergyTransferServiceList": {"Service": services},
    }
    asked = request.get("SupportedServiceIDs", {}).get("ServiceID")
    added = [n for n in vas.offered(secc.config) if asked is None or n in asked]
    if added:
        answer["VASList"] = {"Service": [{"ServiceID": n, "FreeService": True} for n in added]}
    return "ServiceDiscovery", answer


def service_detail(secc, request, now):
    service = secc.services.get(request["ServiceID"])
    if service is None:
        service = vas.offered(secc.config).get(request["ServiceID"])
    if service is None:  # [V2G20-1216]
        raise Refuse("FAILED_ServiceIDInvalid", f"service {request['ServiceID']} is not offered")
    secc.detailed.add(service.number)
    return "ServiceDetail", {
        "ServiceID": service.number,
        "ServiceParameterList": {"ParameterSet": [s.message() for s in service.sets]},
    }


def service_selection(secc, request, now):
    selected = request["SelectedEnergyTransferService"]
    service = secc.services.get(selected["ServiceID"])
    if service is None:
        known = selected["ServiceID"] in SERVICES.values()
        code = "NoEnergyTransferServiceSelected" if not known else "ServiceSelectionInvalid"
        raise Refuse("FAILED_" + code, f"service {selected['ServiceID']} is not offered")
    chosen = service.set(selected["ParameterSetID"])
    if chosen is None:
        why = f"{service.name} has no parameter set {selected['ParameterSetID']}"
        raise Refuse("FAILED_ServiceSelectionInvalid", why)
    vas.choose(secc, request)
    if service.number not in secc.detailed:
        secc.blame("order", f"{service.name} selected without ServiceDetailReq for it", now)
    secc.choose(service, chosen)
    return "ServiceSelection", {}


def metering_confirmation(secc, request, now):
    if not (secc.notice and secc.notice.kind == "MeteringConfirmation"):
        raise Refuse("FAILED_SequenceError", "MeteringConfirmation was not asked for")
    if bytes(request["SignedMeteringData"]["SessionID"]) != secc.session_id:
        raise Refuse("FAILED_MeteringSignatureNotValid", "another SessionID in the metering data")
    secc.notice = None
    return "MeteringConfirmation", {}


def session_stop(secc, request, now):
    kind = request["ChargingSession"]
    secc.termination = (
        request.get("EVTerminationCode", ""),
        request.get("EVTerminationExplanation", ""),
    )
    if secc.expected_stop not in (None, kind):
        secc.blame("notification", f"SessionStop({kind}) after {secc.expected_stop}", now)
    secc.supply.off()
    if kind == "ServiceRenegotiation":
        if not secc.config.service_renegotiation:
            raise Refuse("FAILED_NoServiceRenegotiationSupported", "not supported")
        secc.service = secc.set = secc.supply.started = secc.expected_stop = None
        secc.detailed.clear()
        return "SessionStop(ServiceRenegotiation)", {}
    if kind == "Pause":
        if not secc.config.pause:
            raise Refuse("FAILED_PauseNotAllowed", "pause is switched off at this station")
        secc.memory["paused"] = {
            "id": secc.session_id,
            "evccid": secc.evccid,
            "service": secc.service,
            "set": secc.set,
        }
    secc.stop = f"SessionStop({kind})"
    secc.close_at = now + secc.config.close_ms
    return "SessionStop", {}


HANDLERS = {
    "supportedAppProtocol": supported_app_protocol,
    "SessionSetup": session_setup,
    "AuthorizationSetup": authorization_setup,
    "Authorization": authorization,
    "ServiceDiscovery": service_discovery,
    "ServiceDetail": service_detail,
    "ServiceSelection": service_selection,
    "MeteringConfirmation": metering_confirmation,
    "SessionStop": session_stop,
    **vas.HANDLERS,
}

# What a FAILED answer carries where the schema demands more than the header and the code.
FILLER = {
    "SessionSetup": {"EVSEID": "ZZ00000"},
    "AuthorizationSetup": {
        "AuthorizationServices": ["EIM"],
        "CertificateInstallationService": False,
        "EIM_ASResAuthorizationMode": {},
    },
    "Authorization": {"EVSEProcessing": "Finished"},
    "ServiceDiscovery": {
        "ServiceRenegotiationSupported": False,
        "EnergyTransferServiceList": {"Service": [{"ServiceID": 2, "FreeService": False}]},
    },
    "ServiceDetail": {
        "ServiceID": 2,
        "ServiceParameterList": {
            "ParameterSet": [
                {"ParameterSetID": 1, "Parameter": [{"intValue": 0, "Name": "Connector"}]}
            ]
        },
    },
    "VehicleCheckOut": {"EVSECheckOutStatus": "Completed"},
}
