# SPDX-License-Identifier: MIT
"""`python -m tools.pages`: write the reference pages anew."""

from tools.pages import write

write()
