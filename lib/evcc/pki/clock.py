# SPDX-License-Identifier: MIT
"""What the time is, and how far that can be trusted: a set RTC, the last known time, or nothing.

The last known time only moves forward. It never comes from the station's own timestamps; what a
verified OCSP response says it may teach (`learn`).
"""

RTC, LAST, NONE = "rtc", "last known", "none"


class Clock:
    """`now()` -> (unix seconds or None, quality); `rtc()` -> unix seconds or None when not set."""

    def __init__(self, rtc=None, last=0, store=None):
        self.rtc, self.last, self.store = rtc, last, store

    def now(self):
        t = self.rtc() if self.rtc else None
        if t is not None and t >= self.last:
            self.learn(t)
            return t, RTC
        return (self.last, LAST) if self.last else (None, NONE)

    def learn(self, seconds):
        """It is at least this late. Stored at most once a day."""
        if seconds > self.last:
            if self.store and seconds // 86400 > self.last // 86400:
                self.store(seconds)
            self.last = seconds

    def judge(self, start, end):
        """None, or "expired" or "not yet valid" for a period; what cannot be known is no fault."""
        t, quality = self.now()
        if t is not None and t > end:
            return "expired"
        if quality == RTC and t < start:
            return "not yet valid"
        return None
