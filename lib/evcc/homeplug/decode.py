# SPDX-License-Identifier: MIT
"""HomePlug management messages field by field, for logs, traces, tests and the REPL.

`decode(frame)` gives name and fields of every message that an EV meets (HomePlug AV 1.1 CM_*, the
SLAC messages of ISO 15118-3, Qualcomm's VS_*). Tolerant: what a short frame does not hold is left
out, what is longer is not looked at. A session imports nothing from here.
"""

from evcc.homeplug import diagnose, mmtype

_SUFFIX = ("REQ", "CNF", "IND", "RSP")

# base type: name, then per suffix the fields "name offset size"; a size of 1 to 4 is a number,
# more is bytes as hex; m: MAC; t: text behind its length byte; l: list behind its length byte
_SLAC = "application_type 19 1,security_type 20 1,"
_ATTEN = _SLAC + "source_address 21 m,run_id 27 8,source_id 35 17,resp_id 52 17,"
_MATCH = (
    _SLAC + "mvf_length 21 2,pev_id 23 17,pev_mac 40 m,evse_id 46 17,evse_mac 63 m,run_id 69 8"
)
_VALID = "signal_type 19 1,%s 20 1,result 21 1"
_MODULE = ",operation %d 2,module %d 2,sub_module %d 2,length %d 2,offset %d 4"
_TYPES = {
    0x6000: ("CM_UNASSOCIATED_STA", "", "", "nid 19 7,cco_cap 26 1"),
    0x6008: (
        "CM_SET_KEY",
        "key_type 19 1,my_nonce 20 n,your_nonce 24 n,pid 28 1,prn 29 2,pmn 31 1,cco_cap 32 1,"
        "nid 33 7,new_eks 40 1,nmk 41 16",
        "result 19 1,my_nonce 20 n,your_nonce 24 n,pid 28 1,prn 29 2,pmn 31 1,cco_cap 32 1",
    ),
    0x600C: (
        "CM_GET_KEY",
        "request_type 19 1,key_type 20 1,nid 21 7,my_nonce 28 n,pid 32 1,prn 33 2,pmn 35 1",
        "result 19 1,key_type 20 1,my_nonce 21 n,your_nonce 25 n,nid 29 7,eks 36 1,nmk 41 16",
    ),
    0x601C: ("CM_AMP_MAP", "entries 19 2", "result 19 1"),
    0x6038: ("CM_NW_INFO", "", "networks 19 1"),
    0x6044: ("CM_MME_ERROR", "", "", "reason 19 1,rx_mmv 20 1,rx_mmtype 21 2,offset 23 2"),
    0x6048: ("CM_NW_STATS", "", "stations 19 1"),
    0x6064: (
        "CM_SLAC_PARM",
        _SLAC + "run_id 21 8",
        "sound_target 19 m,num_sounds 25 1,timeout_100ms 26 1,resp_type 27 1,forwarding_sta 28 m,"
        "application_type 34 1,security_type 35 1,run_id 36 8",
    ),
    0x6068: (
        "CM_START_ATTEN_CHAR",
        "",
        "",
        _SLAC
        + "num_sounds 21 1,timeout_100ms 22 1,resp_type 23 1,forwarding_sta 24 m,run_id 30 8",
    ),
    0x606C: (
        "CM_ATTEN_CHAR",
        "",
        "",
        _ATTEN + "num_sounds 69 1,num_groups 70 1,aag 70 l",
        _ATTEN + "result 69 1",
    ),
    0x6074: (
        "CM_MNBC_SOUND",
        "",
        "",
        _SLAC + "sender_id 21 17,count 38 1,run_id 39 8,random 55 16",
    ),
    0x6078: ("CM_VALIDATE", _VALID % "timer", _VALID % "toggles"),
    0x607C: ("CM_SLAC_MATCH", _MATCH, _MATCH + ",nid 85 7,nmk 93 16"),
    0x6080: ("CM_SLAC_USER_DATA", "", ""),
    0x6084: ("CM_ATTEN_PROFILE", "", "", "pev_mac 19 m,num_groups 25 1,aag 25 p"),
    0xA000: ("VS_SW_VER", "", "status 20 1,device_class 21 1,version_len 22 1,version 22 t"),
    0xA004: ("VS_WR_MEM",),
    0xA008: ("VS_RD_MEM",),
    0xA01C: ("VS_RS_DEV", "", "status 20 1"),
    0xA020: ("VS_WR_MOD",),
    0xA024: ("VS_RD_MOD",),
    0xA028: ("VS_MOD_NVM",),
    0xA030: ("VS_LNK_STATS", "control 20 1,direction 21 1,link_id 22 1,mac 23 m", "status 20 1"),
    0xA038: ("VS_NW_INFO", "", ""),
    0xA050: ("VS_SET_KEY", "", "status 20 1"),
    0xA060: ("VS_HOST_ACTION", "", "", "action 20 1,major 21 1,minor 22 1", "status 20 1"),
    0xA068: ("VS_OP_ATTRIBUTES", "cookie 20 4,report 24 1", "status 20 2,cookie 22 4,report 26 1"),
    0xA06C: ("VS_ENET_SETTINGS",),
    0xA07C: ("VS_FAC_DEFAULTS", "", "status 20 1"),
    0xA098: ("VS_WRITE_AND_EXECUTE_APPLET",),
    0xA0B0: (
        "VS_MODULE_OPERATION",
        "operations 24 1" + _MODULE % (25, 33, 35, 37, 39),
        "status 20 2,error 22 2,operations 28 1" + _MODULE % (29, 37, 39, 41, 43),
    ),
    0xA0B8: ("VS_PL_LNK_STATUS", "", "status 20 1,link 21 1"),
    0xA0F8: ("VS_GET_PROPERTY", "", "status 20 1"),
    0xA100: ("VS_SET_PROPERTY", "", "status 20 1"),
    0xA14C: ("VS_SOUND_HEARD", "", "", "pev_mac 20 m,num_groups 26 1,values 26 v"),
}


def name(kind):
    """Name of an MMTYPE, "CM_SLAC_PARM.REQ"; unknown ones as "MME 0x1234"."""
    row = _TYPES.get(kind & 0xFFFC)
    return row[0] + "." + _SUFFIX[kind & 3] if row else "MME 0x%04x" % kind


def decode(frame, secrets=False):
    """(name, fields) of one frame, or (None, {}) for what is no MME. NMKs only with `secrets`."""
    kind = mmtype(frame)
    if not kind:
        return None, {}
    fields = {"dst": _mac(frame[0:6]), "src": _mac(frame[6:12]), "mmv": frame[14]}
    row = _TYPES.get(kind & 0xFFFC)
    spec = row[1 + (kind & 3)] if row and len(row) > 1 + (kind & 3) else ""
    for field in spec.split(",") if spec else ():
        key, at, size = field.split(" ")
        at = int(at)
        value = _field(frame, at, size)
        if value is not None:
            fields[key] = value if key != "nmk" or secrets else "hidden"
    if kind == 0xA039:
        fields["networks"] = diagnose.nw_info(frame)
    aag = fields.get("aag")
    if aag:
        fields["mean_db"] = round(sum(aag) / len(aag), 3)
    return name(kind), fields


def _field(frame, at, size):
    """The value, or None when the frame ends before it."""
    if at >= len(frame):
        return None
    if size in "lpvt":  # a count byte, then perhaps reserved ones, then so many bytes
        p = at + {"l": 1, "p": 2, "v": 10, "t": 1}[size]
        data = bytes(frame[p : p + frame[at]])
        if len(data) < frame[at]:
            return None
        if size != "t":
            return list(data)
        return "".join([chr(c) for c in data.split(b"\0")[0] if 32 <= c < 127])
    n = {"m": 6, "n": 4}.get(size) or int(size)
    data = bytes(frame[at : at + n])
    if len(data) < n:
        return None
    if size == "m":
        return _mac(data)
    if n <= 4 and size != "n":
        return int.from_bytes(data, "little")
    return "".join(["%02x" % b for b in data])


def _mac(data):
    return ":".join(["%02x" % b for b in data])
