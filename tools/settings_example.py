# SPDX-License-Identifier: MIT
"""`python -m tools.settings_example`: firmware/settings.example.toml from the parameter table."""

from tools import ROOT, settings_table

PATH = ROOT / "firmware" / "settings.example.toml"


def text():
    """The example: every parameter at its default, with its text, unit and range."""
    lines = [
        "# Every setting at its default: copy to settings.toml and change what you need.",
        "# An unknown key or a value out of range is refused with its line.",
        "# Made by: python -m tools.settings_example",
    ]
    for name, default, low, high, unit, words in settings_table.rows():
        if isinstance(default, bool):
            value = "true" if default else "false"
        else:
            value = f'"{default}"' if isinstance(default, str) else repr(default)
        if isinstance(low, tuple):
            limits = f" ({' or '.join(map(str, low))})"
        else:
            limits = "" if low is None else f" ({low} to {high} {unit}".rstrip() + ")"
        lines += ["", f"# {words}{limits}", f"{name} = {value}"]
    lines += ["", "# The device takes only a file that ends so: it was not cut off.", "# end"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
    print(f"written: {PATH.relative_to(ROOT)}")
    from tools.pages import write

    write()  # the table has a page too
