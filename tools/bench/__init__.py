# SPDX-License-Identifier: MIT
"""Figures of the device code against their goals: `python -m tools.bench`.

Each module here has `rows() -> [dict(name=, value=, unit=, goal=)]`. value: a number, None when it
could not be measured (then `why` says so). goal: None, or "<= 128", ">= 60". `noisy=True` marks a
figure of the wall clock, which is not compared with the committed one.
"""
