# SPDX-License-Identifier: MIT
"""Hours of the day: "07:00" and "22:00-06:00, 13:00-15:00" in local time.

Local time is Unix time plus the setting `utc_offset_min`; there is no table of summer times.
"""


def minute(text):
    """Minute of the day of "HH:MM". Raises ValueError."""
    hour, _, minutes = text.strip().partition(":")
    try:
        if len(minutes) == 2 and 0 <= int(hour) <= 24 and 0 <= int(minutes) < 60:
            return (int(hour) * 60 + int(minutes)) % 1440
    except ValueError:
        pass
    raise ValueError("'%s' is no time like 07:00" % text)


def departure(text):
    """Minute of the day, or None of an empty text. Raises ValueError."""
    return minute(text) if text else None


def spans(text):
    """[(first minute, minute after the last)], which may pass midnight. Raises ValueError."""
    found = []
    for part in text.split(","):
        if part.strip():
            begin, _, end = part.partition("-")
            found.append((minute(begin), minute(end)))
    return found


def inside(spans, at):
    """Is minute `at` in one of them?"""
    for begin, end in spans:
        if begin <= at < end if begin < end else at >= begin or at < end:
            return True
    return False


def local(params, unix_s):
    """Minute of the day now."""
    return (unix_s // 60 + params.utc_offset_min) % 1440
