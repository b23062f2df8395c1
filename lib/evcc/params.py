# SPDX-License-Identifier: MIT
"""The parameter table, and loading of settings against it.

One table drives defaults, ranges, documents and checks. Settings come as a flat TOML text (the
CircuitPython subset: strings, integers, floats, booleans, comments). An unknown key or a value out
of range is refused with the line: a car with half-understood settings does not charge. What is
wired to a board stands in params_board.py, energy management in params_ems.py.
"""

from evcc.compat import Settings, const, parse_mac

# (name, default, lowest or choices, highest, unit), shorter where there is no range or unit. What
# it means stands behind the row or above it as a comment: documents show it, no device does.
TABLE = (
    ("vehicle", "none", ("none", "sim", "bulb", "can")),  # whose battery; none: does not charge
    ("can_map", "vehicle_can.txt"),  # file of the vehicle's CAN signals
    # of the vehicle's CAN
    ("can_bitrate", 500000, (125000, 250000, 500000, 1000000), None, "bit/s"),
    ("bulb_V", 230.0, 1.0, 1000.0, "V"),  # light bulb as load: its voltage
    ("bulb_A", 1.0, 0.1, 20.0, "A"),  # light bulb as load: its current
    ("service_mode", True),  # at rest the REPL and files are open; false in a car
    ("log_kB", -1, -1, 1024, "kB"),  # ring of the last session; -1 by free heap, 0 none
    ("log_dir", "log"),  # folder of logs, in flash or on sd_card
    ("log_ids", False),  # EVCCID and eMAID stay readable in logs
    ("key_log", False),  # bench only: the secrets of TLS go into the log
    ("evccid", ""),  # EVCCID sent in SessionSetup; empty: the MAC
    ("mac", "02:00:00:0e:0e:01"),  # our Ethernet address, not the modem's
    ("protocols", "iso20_dc,iso20_ac"),  # offered where a service needs them
    ("services", "DC_BPT,DC"),  # energy services we may use, best first
    ("inlet", "any", ("any", "AC", "DC", "MCS")),  # what is mated: services of no other
    ("control_mode", "Dynamic", ("Dynamic", "Scheduled")),  # control mode wanted
    ("mobility_needs_mode", 1, 1, 2),  # 1 the car, 2 the station decides departure and SOC
    ("connector", 0, 0, 7),  # Connector preferred among parameter sets; 0: any
    ("pricing", "any", ("any", "none", "absolute", "levels")),  # prices preferred
    ("vas", ""),  # value added services taken: Internet, ParkingStatus
    ("internet_port", 443, 1, 65535),  # Internet: the set with this port
    ("parking_status", 3, 1, 4),  # 1, 2 automatic parking, 3, 4 manual; internal, external
    ("side_streams", ""),  # beside the loop, not in line: schedule, metering
    ("allow_iso20_without_tls", False),  # bench only: ISO 15118-20 over plain TCP
    ("sdp_tls", True),  # ask for TLS in SDP
    ("sdp_plain_ok", False),  # take a station without TLS where TLS was asked for
    ("net_dad", True),  # check our IPv6 address before use (1 s)
    ("net_ra", False),  # take router advertisements
    ("net_dhcp6", False),  # ask for an address by DHCPv6
    ("pki_dir", "pki"),  # folder of roots, certificates and keys
    ("tls_profile", "strict", ("strict", "bench")),  # strict: ISO 15118-20; bench: + P-256
    # record size asked for; 0: any
    ("tls_max_fragment", 0, (0, 512, 1024, 2048, 4096), None, "B"),
    ("tls_timeout_ms", 20000, 1000, 120000, "ms"),  # longest TLS handshake
    ("ocsp_policy", "strict", ("strict", "lenient")),  # station without good OCSP: end, warn
    ("setup_timeout_s", 20, 5, 120, "s"),  # V2G_EVCC_CommunicationSetup, see setup_timer_start
    # its start: the power line is up, or plug-in
    ("setup_timer_start", "link_ready", ("link_ready", "plug_in")),
    ("authorization_s", 180, 60, 600, "s"),  # longest wait for authorisation (EIM)
    ("cable_check_s", 40, 40, 120, "s"),  # longest cable check
    ("precharge_s", 10, 7, 60, "s"),  # longest precharge, strict profile (field: 30)
    ("precharge_tolerance_V", 20.0, 1.0, 50.0, "V"),  # inlet to pack difference allowed to close
    ("welding_rounds", 10, 1, 60),  # welding detection exchanges before giving up
    ("basic_charging", False),  # AC by duty cycle at a station that offers no 5 %
    ("timing_profile", "strict", ("strict", "field")),  # standard or field timeouts
    ("slac_direct_dB", 40, 1, 100, "dB"),  # mean attenuation of a sure match
    ("slac_indirect_dB", 60, 1, 127, "dB"),  # mean attenuation beyond which nothing matches
    ("slac_retry_s", 60, 10, 600, "s"),  # how long to look for a station after plug-in
    ("departure_s", 86400, 60, 604800, "s"),  # departure when nobody said otherwise
    # rows 'region inlet service charge_W discharge_W', ';' between; empty: no giving back
    ("market_profile", ""),
    # energy management; more settings in params_ems.py
    ("ems_mode", "off", ("off", "now", "departure", "cheap", "solar", "v2h", "v2g", "v2l")),
    ("inlet_max_C", 90.0, 40.0, 120.0, "°C"),  # inlet temperature that ends charging
    ("ev_capacity_Wh", 60000.0, 100.0, 2e6, "Wh"),  # simulated vehicle: usable capacity
    ("ev_temperature_C", 25.0, -40.0, 60.0, "°C"),  # simulated vehicle: battery and air at start
    ("ev_soc", 50.0, 0.0, 100.0, "%"),  # simulated vehicle: SOC at start
    ("ev_target_soc", 80, 0, 100, "%"),  # simulated vehicle: SOC wanted
    ("ev_min_soc", 20, 0, 100, "%"),  # simulated vehicle: SOC never gone below
    ("ev_max_soc", 100, 1, 100, "%"),  # simulated vehicle: SOC never gone above
    ("ev_empty_V", 340.0, 20.0, 1500.0, "V"),  # simulated vehicle: pack at 0 %
    ("ev_full_V", 400.0, 20.0, 1500.0, "V"),  # simulated vehicle: pack at 100 %
    ("ev_min_V", 300.0, 1.0, 1500.0, "V"),  # lowest pack voltage
    ("ev_max_V", 450.0, 20.0, 1500.0, "V"),  # highest pack voltage
    ("ev_charge_power_W", 60000.0, 0.0, 4e6, "W"),  # simulated vehicle: charge power
    ("ev_charge_current_A", 200.0, 0.0, 3000.0, "A"),  # simulated vehicle: charge current
    ("ev_discharge_power_W", 0.0, 0.0, 4e6, "W"),  # discharge power; 0 = never discharge
    ("ev_discharge_current_A", 0.0, 0.0, 3000.0, "A"),  # discharge current; 0 = never
    ("ev_ac_charge_power_W", 11000.0, 0.0, 500000.0, "W"),  # on-board charger; 0 = no AC
    ("ev_ac_discharge_power_W", 0.0, 0.0, 500000.0, "W"),  # on-board inverter; 0 = none
    ("ev_ac_phases", 3, (1, 3)),  # phases of the on-board charger
    ("ev_ac_unbalanced", False),  # its phases can be loaded each on its own
)

# Weaken what protects a car: only for one power cycle, from bench.toml or bench() at the REPL.
BENCH = (("allow_iso20_without_tls", True), ("tls_profile", "bench"), ("key_log", True))


_REST = const((None, None, ""))  # what a short row leaves out


class SettingsError(ValueError):
    """A settings text that must not be used; str() says line, key and reason."""


def defaults(settings):
    """Set everything to its default."""
    for row in TABLE:
        setattr(settings, row[0], row[1])
    return settings


class Params(Settings):
    """Settings that can check a change; it keeps the table in memory, so for PCs and the REPL."""

    def __init__(self):
        from evcc import params_board, params_ems

        defaults(self)
        params_board.defaults(self)
        params_ems.defaults(self)

    def set(self, name, value):
        change(self, name, value)


def _row(table, name):
    for row in table:
        if row[0] == name:
            return row
    return None


def change(settings, name, value):
    """Set one parameter. Raises SettingsError for an unknown name or a bad value."""
    row = _row(TABLE, name)
    if row is None:
        from evcc import params_board, params_ems

        row = _row(params_board.TABLE, name) or _row(params_ems.TABLE, name)
    if row is None:
        raise SettingsError("unknown key '%s'" % name)
    _, default, low, high, unit = row + _REST[len(row) - 2 :]
    if isinstance(default, float) and type(value) is int:
        value = float(value)
    if type(value) is not type(default):
        kind = {bool: "true or false", int: "a whole number", float: "a number"}
        raise SettingsError(
            "%s: %s wanted, got %r" % (name, kind.get(type(default), "a text"), value)
        )
    if isinstance(low, tuple):
        if value not in low:
            raise SettingsError(
                "%s: '%s' is none of %s" % (name, value, ", ".join([str(x) for x in low]))
            )
    elif low is not None and not low <= value <= high:
        raise SettingsError("%s: %s is outside %s..%s %s" % (name, value, low, high, unit))
    if name == "mac":
        try:
            parse_mac(value)
        except ValueError:
            raise SettingsError(
                "mac: '%s' is no unicast Ethernet address like 02:..:01" % value
            ) from None
    if name == "market_profile" or name.startswith("ems_"):
        from evcc import params_ems

        try:
            params_ems.check(name, value)
        except ValueError as error:
            raise SettingsError("%s: %s" % (name, error)) from None
    setattr(settings, name, value)


def _value(text):
    """One TOML value of the subset, and what follows it on the line."""
    if text[0] == '"':
        end = text.find('"', 1)
        if end < 0:
            raise SettingsError("text without closing quote")
        if "\\" in text[1:end]:
            raise SettingsError("backslashes are not understood")
        return text[1:end], text[end + 1 :].strip()
    word, _, rest = text.partition("#")
    word = word.strip()
    rest = "#" + rest if rest else ""
    if word in ("true", "false"):
        return word == "true", rest
    for kind in (int, float):
        try:
            number = kind(word.replace("_", ""))
        except ValueError:
            continue
        # "nan" and "inf" pass float() and would pass no range check that means anything
        if number != number or number in (float("inf"), float("-inf")):
            break
        return number, rest
    raise SettingsError("'%s' is no text, number, true or false" % word)


def load(text, settings=None, source="settings.toml", bench=True):
    """Settings from their text. Raises SettingsError naming source, line, key and reason.

    `bench`: whether settings that are for the bench only may be there.
    """
    settings = settings or defaults(Settings())
    seen = []
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if not line or line[0] == "#":
            continue
        try:
            name, equals, rest = line.partition("=")
            name, rest = name.strip(), rest.strip()
            if not equals or not rest:
                raise SettingsError("'%s' is no line of the form key = value" % line)
            if name in seen:
                raise SettingsError("%s: set twice" % name)
            value, rest = _value(rest)
            if rest and rest[0] != "#":
                raise SettingsError("%s: '%s' after the value" % (name, rest))
            change(settings, name, value)
            if not bench and (name, value) in BENCH:
                raise SettingsError("%s: for the bench only, so in bench.toml" % name)
            seen.append(name)
        except SettingsError as error:
            raise SettingsError("%s line %d: %s" % (source, number, error)) from None
    return settings
