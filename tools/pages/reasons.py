# SPDX-License-Identifier: MIT
"""lib/evcc/STOP_REASONS.md: every StopReason, what happened and what to do about it."""

HEAD = """# Stop reasons

Each session ends with exactly one; names and numbers never change. The name is what log, REPL and
trace show, and what the station reads as EVTerminationCode in SessionStopReq, where the session
got as far as that and did not end as somebody wished. (A station that broke the protocol or the
link hears nothing more: the car opens its contactors without current and closes the connection.)

Made by `python -m tools.pages` from `reason_texts.py`.

| number | StopReason | EVTerminationCode | what happened | what to do |
|---|---|---|---|---|
"""


def text():
    from evcc.iso20.session import stop_request
    from evcc.reason_texts import ADVICE, NUMBERS, TEXTS

    lines = []
    for name, number in sorted(NUMBERS.items(), key=lambda item: item[1]):
        code = stop_request(name).get("EVTerminationCode")
        code = f"`{code}`" if code else "none: a wanted end"
        lines.append(f"| {number} | `{name}` | {code} | {TEXTS[name]} | {ADVICE[name]} |")
    return HEAD + "\n".join(lines) + "\n"
