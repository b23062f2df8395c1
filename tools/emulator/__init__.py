# SPDX-License-Identifier: MIT
"""The world around the device: time, modem and power line, board and pilot, the DC power path.

Everything here is the emulation of hardware and people; nothing of it runs on the device.
"""
