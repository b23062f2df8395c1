# SPDX-License-Identifier: MIT
"""Runs pyslac's EVSE side on one interface, in pyslac's own environment: python THIS INTERFACE.

pyslac is Apache-2.0; nothing of it is copied here. Prints `matched` when its state says so.
"""

import asyncio
import sys

import pyslac.session
from pyslac.environment import Config
from pyslac.session import SlacEvseSession, SlacSessionController

pyslac.session.SLAC_SETTLE_TIME = 0.1


class Controller(SlacSessionController):
    async def notify_matching_ongoing(self, evse_id):
        print("ongoing", flush=True)

    async def notify_matching_failed(self, evse_id):
        print("failed", flush=True)

    async def enable_hlc_charging(self, evse_id):
        print("hlc", flush=True)


async def main(interface):
    config = Config(slac_init_timeout=50, slac_atten_results_timeout=None, log_level="DEBUG")
    session = SlacEvseSession("DE*TST*E1", interface, config)
    await session.evse_set_key()
    controller = Controller()
    await controller.process_cp_state(session, "B")
    while True:
        await asyncio.sleep(0.1)
        print("state", session.state, flush=True)


asyncio.run(main(sys.argv[1]))
