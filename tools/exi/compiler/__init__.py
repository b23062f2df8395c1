# SPDX-License-Identifier: MIT
"""Schema compiler: XSDs in, slot tables of `lib/evcc/exi` out (`python -m tools.exi.compiler`)."""
