# SPDX-License-Identifier: MIT
# For those who freeze uEVCC into their MicroPython firmware:
#   make BOARD=RPI_PICO2 FROZEN_MANIFEST=/path/to/uEVCC/manifest.py
# One data file cannot be frozen: copy lib/evcc/exi/names.bin to evcc/exi/names.bin on the board.
# Settings, keys and main.py stay in the file system (firmware/README.md). Native kernels
# (_fast_*) are frozen by a build that has the native emitter (MICROPY_EMIT_...) for its processor.

# micropython-lib's, where it has them; the code runs without
require("logging")  # noqa: F821
require("aiorepl")  # noqa: F821
require("unittest")  # noqa: F821

package("evcc", base_path="lib", opt=3)  # noqa: F821
package("drivers", base_path="lib", opt=3)  # noqa: F821
