# SPDX-License-Identifier: MIT
"""What a device does rarely: a command, a file, the answer to who wants the REPL. `d`: Device.

Each is called through Device.rare, which drops this code again.
"""

from evcc.compat import forget, get_logger

log = get_logger("evcc.device")


def begin(d):
    """Everything is wired: say what is to say."""
    if d.card is None and getattr(d.settings, "sd_card", "none") != "none":
        d.notes.append("sd_card: no SD_CS here, or no code for it: the log goes to flash")
    for note in d.notes:
        log.warning("%s", note)
    if d.refused:
        log.error("%s: it will not charge", d.refused)


def command(d, line):
    from evcc.command import run

    return run(line)


def store(d, what, *arguments):
    from evcc.store import Store

    return getattr(Store(d.root + "store"), what)(*arguments)


def card(d, what):
    """A function of log_card."""
    from evcc import log_card

    result = getattr(log_card, what)(d)
    log_card = None
    forget("evcc.log_card")
    return result


def save_log(d, path, ids):
    """Write the ring as pcapng; False, and an error in the log, if the medium refuses.

    `path` None: to where a session's log belongs, the card or flash: `log_at`.
    """
    from evcc import logfile

    unix = d.controller.unix if d.controller else None

    def write(path, wrap=None):
        logfile.write(path, d.trace, ids or d.settings.log_ids, unix, d.secrets, wrap)

    try:
        if path is None and d.card is not None:
            from evcc import log_card

            if log_card.save(d, write):
                return True
            log.warning("card: %s; the log goes to flash", d.card)
        here = path or d.log_path()
        write(here)
        if path is None:
            d.log_at = here
    except OSError as error:
        log.error("log not written to %s: %s", path or d.log_path(), error)
        return False
    finally:
        logfile = log_card = None
        forget("evcc.logfile", "evcc.pcap", "evcc.log_card")
    return True


def ask(d, wish):
    if wish == "repl" and not d.settings.service_mode:
        return "refused: service_mode is off"
    if d.at_rest():
        d.left = wish
        return None
    d.controller.stop("USER_STOP")
    if wish == "reset":
        d.wish = wish
        return "plugged in: charging is stopped first"
    return "refused while plugged in: charging is stopped; draw the plug, then again"


def tick(d, on):
    """Not beside a person's REPL: what does not tick enables no output, and a Ctrl-C there would
    hit the tick at times, whose timer ports end then (MicroPython shared/runtime/mpirq.c)."""
    c = d.controller
    if c:
        d.parts.timer(c.safety.on_timer if on else None)
        c.safety.timed = on


def sample(d):
    """Look at the inputs while nobody ticks: a new pilot state counts when seen twice."""
    if d.controller:
        board = d.parts.board
        for _ in range(3):
            board.sample(board.raw)
            d.parts.idle(20)


def hear(d):
    """What was typed while it booted, before the first step: a Ctrl-C at rest is the way into a
    device whose loop hangs."""
    for _ in range(20):
        if d.left is None:
            try:
                d.console.step(0)
            except Exception:
                d.console.reset()
