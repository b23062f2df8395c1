# SPDX-License-Identifier: MIT
"""EcoG's SECC on s0 and our EVCC on e0, in one network namespace (see netns.py).

`charge(tmp_path, settings, ...)` runs one session and returns what both sides said. As a script
(inside the namespace) it starts the SECC, waits until it is ready, and runs the EVCC.
"""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from host_tests import netns

SETTINGS = """
sdp_tls = false
allow_iso20_without_tls = true
ev_target_soc = 80
ev_discharge_power_W = 11000.0
ev_discharge_current_A = 40.0
market_profile = "* * DC_BPT - 11000; * * AC_BPT - 11000"
"""


class Outcome:
    """`status`: of the EVCC; `evcc`, `secc`: their output; `summary`: the EVCC's JSON."""

    def __init__(self, process, secc):
        self.status = process.returncode
        self.evcc = process.stderr
        self.secc = secc
        last = process.stdout.strip().splitlines()[-1:]
        self.summary = json.loads(last[0]) if last and last[0].startswith("{") else None

    def messages(self):
        """Names of the requests that the SECC logs as decoded, in order."""
        names = []
        for line in self.secc.splitlines():
            if "Decoded message" in line:
                found = [w for w in line.replace('"', " ").split() if w.endswith("Req")]
                names.extend(found[:1])
        return names


SECURE = """
sdp_tls = true
tls_profile = "bench"
ocsp_policy = "lenient"
ev_target_soc = 80
ev_discharge_power_W = 11000.0
ev_discharge_current_A = 40.0
market_profile = "* * DC_BPT - 11000; * * AC_BPT - 11000"
"""


def charge(tmp_path, settings="", loops=20, evcc_args=(), secc_env=None, limit=60, tls=False):
    """One session against EcoG's SECC. `settings`: added to SETTINGS. `tls`: mutual TLS 1.3."""
    from tools.peers import ecog

    python = ecog.PEER.dir / "bin" / "python"
    settings_file = tmp_path / "settings.toml"
    if tls:
        from host_tests.sim.ecog_pki import make

        theirs, ours = make(tmp_path, python)
        settings += f'pki_dir = "{ours}"\n'
        secc_env = {
            "PKI_PATH": f"{theirs}/", "ENABLE_TLS_1_3": "True", "SECC_ENFORCE_TLS": "True",
            **(secc_env or {}),
        }  # fmt: skip
    settings_file.write_text((SECURE if tls else SETTINGS) + settings)
    env = ecog.PEER.env(
        NETWORK_INTERFACE="s0",
        PROTOCOLS="ISO_15118_20_DC",
        AUTH_MODES="EIM",
        SECC_ENFORCE_TLS="False",
        LOG_LEVEL="INFO",
        MESSAGE_LOG_JSON="True",
        MESSAGE_LOG_EXI="False",
    )
    env.update(secc_env or {})
    env["UEVCC_SECC_LOG"] = str(tmp_path / "secc.log")
    env["UEVCC_SECC_PYTHON"] = str(python)
    env["UEVCC_LIMIT"] = str(limit)
    command = [sys.executable, __file__, "--interface", "e0", "--settings", str(settings_file)]
    command += ["--no-slac", "--json", "--limit", str(limit), "--loops", str(loops), *evcc_args]
    process = netns.run(command, timeout=limit + 60, env=env)
    secc = (tmp_path / "secc.log").read_text(errors="replace")
    outcome = Outcome(process, secc)
    assert outcome.summary, process.stderr + process.stdout
    return outcome


def inside(argv):
    """In the namespace: SECC up, then our EVCC; the SECC is killed at the end."""
    log = open(os.environ["UEVCC_SECC_LOG"], "w")
    secc = subprocess.Popen(
        [os.environ["UEVCC_SECC_PYTHON"], "-m", "iso15118.secc.main"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        cwd=Path(log.name).parent,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    )
    ready = threading.Event()

    def copy():
        for line in secc.stdout:
            log.write(line)
            log.flush()
            if "UDP server started" in line:
                ready.set()

    thread = threading.Thread(target=copy, daemon=True)
    thread.start()
    if not ready.wait(40):
        secc.kill()
        sys.exit("EcoG's SECC did not start; see its log")
    try:
        limit = float(os.environ["UEVCC_LIMIT"]) + 40
        status = subprocess.run(
            [sys.executable, "-m", "tools.evcc", *argv], timeout=limit
        ).returncode
        time.sleep(0.3)  # a real process: its last lines
    finally:
        secc.kill()
        thread.join(5)
    sys.exit(status)


if __name__ == "__main__":
    inside(sys.argv[1:])
