# SPDX-License-Identifier: MIT
"""ISO 15118-20, the car's side: flow.py is the state chart, session.py and dc.py are the story."""
