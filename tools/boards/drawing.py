# SPDX-License-Identifier: MIT
"""The wiring drawing of a board as SVG, made from its pin table.

The board stands in the middle; each row is one wire from a pin to a block outside. What happens
inside the blocks is the same for all boards: boards/README.md.
"""

from xml.sax.saxutils import escape

_ROW, _TOP, _GAP = 22, 70, 16
_LEFT, _BOARD, _RIGHT = (20, 250), (400, 600), (750, 1010)

LEFT = (
    ("Modem QCA7000 / QCA7005", "QCA_CS QCA_SCK QCA_MOSI QCA_MISO QCA_INT QCA_RST", "SPI mode 3"),
    ("Pilot front end", "CP_LEVEL CP_DUTY", "peak hold; comparator"),
    ("Proximity contact", "PP", "pull-up {proximity}"),
    ("CAN", "CAN_CS CAN_SCK CAN_MOSI CAN_MISO CAN_TX CAN_RX", "{can}"),
    ("SD card", "SD_CS SD_SCK SD_MOSI SD_MISO", "{card}"),
    ("LED", "LED", ""),
)
RIGHT = (
    ("Monostable (74HC123)", "CONT_ENABLE", "enables S2 and coils"),
    ("S2 of the pilot", "CP_STATE_C", "only while enabled"),
    ("DC contactors", "CONT1 CONT2 CONT_FB1 CONT_FB2", "only while enabled"),
    ("Lock motor, H-bridge", "LOCK_A LOCK_B LOCK_FB", "pull-downs"),
    ("Isolated inlet voltage, current", "INLET_V INLET_I", "live zero"),
    ("Contact temperatures", "TEMP1 TEMP2", "PT1000 or NTC"),
    ("Isolation monitor", "ISO_OK", "pull-down"),
)


def svg(board):
    """SVG text of the drawing."""
    pins = board.module.PINS
    out = []
    bottom = max(
        _column(out, board, LEFT, _LEFT, _BOARD[0], True),
        _column(out, board, RIGHT, _RIGHT, _BOARD[1], False),
    )
    height = bottom - 36
    if "AMUX" in pins or "ADC_CS" in pins:
        bottom = _converter(out, board, bottom)
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="1030" height="{bottom + 20}" '
        'font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<rect x="{_BOARD[0]}" y="36" width="{_BOARD[1] - _BOARD[0]}" height="{height}" '
        'fill="#e8f0e8" stroke="black"/>',
        _text(500, 28, board.about["product"], "middle", bold=True),
    ]
    return "\n".join([*head, *out, "</svg>"]) + "\n"


def _text(x, y, words, anchor="start", bold=False, small=False):
    style = (' font-weight="bold"' if bold else "") + (' font-size="11"' if small else "")
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}"{style}>{escape(words)}</text>'


def _column(out, board, blocks, where, edge, left):
    pins = board.module.PINS
    y = _TOP
    for title, names, note in blocks:
        names = [name for name in names.split() if name in pins]
        if not names:
            continue
        height = max(_ROW * len(names), 34)
        x, end = where
        out.append(
            f'<rect x="{x}" y="{y - 16}" width="{end - x}" height="{height + 6}" '
            'fill="#f4f4f4" stroke="black"/>'
        )
        can = board.about["can"].split(" on ")[0].split(";")[0]
        card = "pull-ups" if "SD_SCK" in pins else "bus of CAN; pull-ups"
        note = note.format(proximity="1 kΩ", can=can, card=card)
        out.append(_text(x + 8, y, title, bold=True))
        out.append(_text(x + 8, y + 15, note, small=True))
        for i, name in enumerate(names):
            at = y + i * _ROW - 4
            near = end if left else x
            out.append(f'<path d="M{near} {at}H{edge}" stroke="black"/>')
            side = near + 6 if left else near - 6
            out.append(_text(side, at - 3, name, "start" if left else "end", small=True))
            pin = edge + 6 if left else edge - 6
            text = _pin_text(board, name)
            out.append(_text(pin, at + 4, text, "start" if left else "end"))
        y += height + _GAP
    return y


def _pin_text(board, name):
    pin = board.module.PINS[name]
    if isinstance(pin, int):
        return f"GPIO{pin}"
    if pin[:4] == "MUX:":
        return "multiplexer " + pin[4:]
    if pin[:4] == "ADC:":
        return "MCP3208 " + pin[4:]
    return pin


def _converter(out, board, y):
    """The multiplexer or the converter, under the board's own pins."""
    pins = board.module.PINS
    if "AMUX" in pins:
        words = "4052: common {AMUX}, select A {AMUX_A}, B {AMUX_B}; inputs 0 to 3 as above"
        words = words.format(**{k: _pin_text(board, k) for k in ("AMUX", "AMUX_A", "AMUX_B")})
    else:
        words = "MCP3208: SPI of the modem, chip select " + _pin_text(board, "ADC_CS")
    out.append(
        f'<rect x="250" y="{y + 8}" width="500" height="30" fill="#f4f4f4" stroke="black"/>'
    )
    out.append(_text(500, y + 28, words, "middle"))
    out.append(f'<path d="M500 {y}V{y + 8}" stroke="black"/>')
    return y + 44
