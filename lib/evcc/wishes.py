# SPDX-License-Identifier: MIT
"""What a driver, a REPL or a dashboard may ask of the controller at any time, and what they see.

Nothing here acts by itself: a wish is noted, and the session reads it at its next exchange (and
takes the shortest allowed path), or the story while there is no session.
"""

from evcc.ports import FEEDBACK


class Wishes:
    """The part of the Controller for people. Its attributes are described there."""

    @property
    def released(self):
        """Contactors open, as commanded and as their feedback says."""
        return self.safety.state == "open" and self.board.raw[FEEDBACK] != 1

    @property
    def at_rest(self):
        """Nothing plugged in, nothing closed: who works on the device harms nobody."""
        return self.safety.pilot == "A" and self.released

    def stop(self, reason="USER_STOP"):
        """End charging in order, by the shortest allowed path."""
        self.stopped = reason
        if self._exchange and self.session:
            self.session.wish_stop(reason)

    def pause(self):
        """Pause charging and keep the session; False where there is none to keep."""
        if not (self._exchange and self.session):
            return False
        self.session.wish_stop("USER_PAUSE")
        return True

    def resume(self):
        """Go on with the paused session, or leave standby."""
        self.resumed = True
        if self._exchange and self.session:
            self.session.wish = "ExitStandby"

    def standby(self):
        """Stay connected without energy until `resume()`."""
        if self._exchange and self.session:
            self.session.wish = "Standby"

    def renegotiate(self, service=False):
        """Ask the station for another schedule, or another service; False where it cannot be."""
        session = self.session
        if not (self._exchange and session) or service and not session.renegotiable:
            return False
        if service:
            session.wish_stop("SERVICE_RENEGOTIATION")
        else:
            session.wish = "ScheduleRenegotiation"
        return True

    def summary(self):
        """The session in a dict: protocol, service, control_mode, energies in Wh, result."""
        s = self.session
        chosen = s.selected if s else None
        return {
            "protocol": self.protocol,
            "service": chosen.name if chosen else None,
            "control_mode": chosen.control_mode if chosen else None,
            "mobility_needs_mode": chosen.mobility_needs_mode if chosen else None,
            "evseid": s.evseid if s else None,
            "loops": s.loops if s else 0,
            "charged_Wh": s.charged if s else 0.0,
            "discharged_Wh": s.discharged if s else 0.0,
            "forced_openings": self.safety.forced_openings,
            "result": self.result,
            "detail": self.detail,
        }
