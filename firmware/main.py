# SPDX-License-Identifier: MIT
"""MicroPython: safe outputs before anything else can fail, then boot and run."""

import uevcc_board

uevcc_board.safe()

from evcc.device import main  # noqa: E402

main(uevcc_board)
