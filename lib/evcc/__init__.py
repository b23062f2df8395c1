# SPDX-License-Identifier: MIT
"""uEVCC: the car's side of charging communication. See README.md of the project."""

__version__ = "0.1.0"
