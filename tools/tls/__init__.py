# SPDX-License-Identifier: MIT
"""Probes the TLS of a station with our own client, and says what ISO 15118-20 would object to."""

from tools.tls.probe import Probe, objections, report

__all__ = ["Probe", "objections", "report"]
