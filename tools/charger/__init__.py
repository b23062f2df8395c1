# SPDX-License-Identifier: MIT
"""The simulated charging station: SLAC EVSE side, SDP, TCP, ISO 15118-20 SECC. See README.md."""
