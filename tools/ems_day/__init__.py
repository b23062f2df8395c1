# SPDX-License-Identifier: MIT
"""A day of V2H, simulated in seconds: `python -m tools.ems_day`."""
