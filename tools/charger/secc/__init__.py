# SPDX-License-Identifier: MIT
"""ISO 15118-20 SECC without I/O. flow: who may say what when; common, schedule, dc, ac: the
messages; services: what is offered; session: one connection's state."""
