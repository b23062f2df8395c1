# SPDX-License-Identifier: MIT
"""EcoG's SECC with faults, many sessions in one process: run by the Python of that package.

One JSON line on stdin arms one fault for the next session and starts that with a fresh simulated
charger: {"do": kind, "at": response, "nth": n, "ms": ms, "code": ...}. Kinds: none, Terminate,
Pause (EVSENotification from that response on), code, id, withheld, late, duplicate, garbled. Says
ARMED, INJECTED, and SESSION OVER in its log on stdout. Of its own behaviour only the 5 s are cut
that it stays away after a session.
"""

import asyncio
import json
import sys
import threading

from iso15118.secc import main as secc_main
from iso15118.secc.comm_session_handler import CommunicationSessionHandler
from iso15118.secc.controller.simulator import SimEVSEController
from iso15118.shared import comm_session
from iso15118.shared.messages.app_protocol import ResponseCodeSAP
from iso15118.shared.messages.iso15118_20.common_messages import PowerDeliveryRes
from iso15118.shared.messages.iso15118_20.common_types import EVSEStatus, ResponseCode
from iso15118.shared.states import State

CARRIES_STATUS = ("PowerDeliveryRes", "DCChargeLoopRes", "ACChargeLoopRes")


class Fault:
    """The armed fault; `due` counts the responses of its name."""

    def __init__(self, row=None):
        row = row or {"do": "none"}
        self.do = row["do"]
        self.at = row.get("at", "").replace("_", "").lower()
        self.nth = row.get("nth", 1)
        self.ms = row.get("ms", 0)
        self.seen = 0
        self.told = False

    def due(self, message):
        if str(message).replace("_", "").lower() != self.at:
            return False
        self.seen += 1
        return self.seen == self.nth

    def tell(self, name):
        if not self.told:
            self.told = True
            print(f"INJECTED {self.do} {name}", flush=True)


armed = Fault()


def change(message):
    """What the fault changes in a response before it is encoded."""
    name = type(message).__name__
    if armed.do in ("Terminate", "Pause"):
        if name in CARRIES_STATUS and (armed.told or armed.due(message)):
            armed.tell(name)
            message.evse_status = EVSEStatus(notification_max_delay=0, evse_notification=armed.do)
        return
    if armed.do not in ("code", "id") or not armed.due(message):
        return
    if armed.do == "code":
        armed.tell(name)
        sap = name == "SupportedAppProtocolRes"
        message.response_code = ResponseCodeSAP.NEGOTIATION_FAILED if sap else ResponseCode.FAILED
    elif armed.do == "id":
        armed.tell(name)
        old = message.header.session_id
        new = "%016X" % (int(old, 16) ^ 0xFF)
        if name == "SessionSetupRes":  # any id but zero is good in the first answer
            new = "0" * 16
        message.header.session_id = new


create = State.create_next_message


def create_next_message(self, next_state, next_msg, *rest, **more):
    # Its station goes on in any case: what comes after a fault is for the car to end.
    kept = self.comm_session.session_id
    change(next_msg)
    create(self, next_state, next_msg, *rest, **more)
    self.comm_session.session_id = kept


send = comm_session.V2GCommunicationSession.send


async def send_spoilt(self, message):
    name = str(self.current_state.message)
    if armed.do in ("withheld", "late", "duplicate", "garbled") and not armed.told:
        if armed.due(name):
            armed.tell(name)
            if armed.do == "withheld":
                self.last_message_sent = message
                return
            if armed.do == "late":
                await real_sleep(armed.ms / 1000)
            elif armed.do == "duplicate":
                self.writer.write(message.to_bytes())
            elif armed.do == "garbled":
                message.payload = bytes(b ^ 0x5A for b in message.payload)
    await send(self, message)


ended = CommunicationSessionHandler.end_current_session


async def end_current_session(self, *args):
    await ended(self, *args)
    self.evse_controller = SimEVSEController()
    print("SESSION OVER", flush=True)


real_sleep = asyncio.sleep


async def short_sleep(seconds, *more):
    """Of comm_session alone: it waits 2 s and 3 s after a session."""
    await real_sleep(min(seconds, 0.05), *more)


class _Asyncio:
    """asyncio as that module sees it."""

    def __getattr__(self, name):
        return short_sleep if name == "sleep" else getattr(asyncio, name)


def listen():
    global armed
    for line in sys.stdin:
        armed = Fault(json.loads(line))
        print("ARMED", flush=True)


def main():
    assert "evse_status" in PowerDeliveryRes.__fields__  # else the wrapper would inject nothing
    State.create_next_message = create_next_message
    comm_session.V2GCommunicationSession.send = send_spoilt
    comm_session.asyncio = _Asyncio()
    CommunicationSessionHandler.end_current_session = end_current_session
    threading.Thread(target=listen, daemon=True).start()
    asyncio.run(secc_main.main())


if __name__ == "__main__":
    main()
