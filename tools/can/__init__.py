# SPDX-License-Identifier: MIT
"""The vehicle's CAN on a PC: a mapping file from a DBC, a look at a bus, a battery that talks."""
