# SPDX-License-Identifier: MIT
"""A device's loop under asyncio, with micropython-lib's aiorepl as its prompt while at rest.

Used where aiorepl is installed. Its prompt runs any Python, switches Ctrl-C on by itself and has a
raw mode of its own, so it is there only while the gate of evcc.device is open: unplugged, open
contactors, service mode. With the plug it is cancelled before anything else happens; the console
of evcc.console takes its place and no task runs beside the session. A statement that takes long at
the prompt stops the loop; nothing is closed then, and no watchdog armed: where only a reset stops
it there is no such prompt from the first plug on. The only file that may import asyncio.
"""

import asyncio

import aiorepl

from evcc.compat import const

_MOST_MS = const(20)
_sleep_ms = getattr(asyncio, "sleep_ms", None)


async def _sleep(ms):
    if _sleep_ms:
        await _sleep_ms(ms)
    else:
        await asyncio.sleep(ms / 1000)


def run(device):
    """As device.run(): step until somebody wants the REPL or a reset, returns which."""
    try:
        asyncio.run(_run(device))
    except KeyboardInterrupt:  # aiorepl switches Ctrl-C on for a statement
        device.ask("repl")
    return device.left


async def _run(device):
    device.begin_run()
    while device.left is None:
        if device.open and _unwatched(device.parts.board):
            await _prompt(device)
        else:
            device.turn()


def _unwatched(board):
    disarm = getattr(board, "disarm", None)
    return disarm is None or disarm()


async def _prompt(device):
    """At rest: aiorepl beside the device's steps."""
    console, device.console = device.console, None
    device.tick(False)  # a Ctrl-C in a statement must not hit a tick of the timer
    task = asyncio.create_task(aiorepl.task())
    clock = device.parts.clock
    try:
        while device.left is None and device.open:
            wait = device.step(clock()) - clock()
            await _sleep(min(max(wait, 0), _MOST_MS))
    finally:
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
        device.console = console
        device.tick(True)
        device.guard(True)  # aiorepl has left Ctrl-C on
