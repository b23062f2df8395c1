# SPDX-License-Identifier: MIT
"""One charging session in emulation, to be looked at: `python -m tools.demo`."""
