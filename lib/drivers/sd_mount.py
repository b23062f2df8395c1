# SPDX-License-Identifier: MIT
"""A board's SD card as files at /sd: the card's bus on each Python, and its FAT mounted.

What `Parts.card` gives: a Card, or OSError with what is wrong, in words. `now`, `within`: see
SdSpi. Loaded while a card is used, see evcc.log_card. Not here: formatting; exFAT, which neither
MicroPython nor CircuitPython reads.
"""

from drivers.sd_spi import SdSpi
from evcc.compat import const

_AT = "/sd"
_EIO = const(5)
_EACCES = const(13)
_ENODEV = const(19)
_ENOSPC = const(28)


class Card:
    """`device`: a block device (SdSpi). `folder`: where its files are, ends with "/".

    Raises OSError when there is no file system on it.
    """

    folder = _AT + "/"

    def __init__(self, device):
        self.device = device
        self._mount()

    @property
    def megabytes(self):
        return self.device.sectors >> 11

    def limit(self, ms):
        """From here on all together may take so long; then everything fails at once."""
        self.device.limit(ms)

    def again(self):
        """Mount it anew: what is read then comes from the card and from no cache."""
        _files().umount(_AT)
        self._mount()

    def close(self):
        """Its files are gone; one that was left open cannot write any more."""
        self.device.close()
        try:
            _files().umount(_AT)
        except OSError:
            pass  # it never got so far

    def why(self, error):
        """An OSError of a file or of mounting, in words."""
        code = error.args[0]
        if self.device.error:
            return self.device.error
        if code == _ENODEV:
            return "no FAT on it (beyond 32 GB cards come with exFAT: format it as FAT32)"
        if code == _EIO:
            return "its files are damaged"
        # FatFs: no room for a folder or its entries is "denied"
        return "it is full" if code in (_ENOSPC, _EACCES) else "error %s" % code

    def _mount(self):
        files = _files()
        device = self.device
        try:
            if device.protected:
                raise OSError("it is write-protected")
            files.mount(files.VfsFat(device), _AT)
        except (OSError, RuntimeError) as error:
            # CircuitPython 9: RuntimeError without a folder /sd on its drive to mount at
            device.close()
            text = error.args[0]
            raise OSError(text if type(text) is str else self.why(error)) from None


def _files():
    """The module with VfsFat, mount, umount."""
    try:
        import vfs as module
    except ImportError:
        import storage as module  # CircuitPython
    return module


def machine_card(spi, cs, fast, now, within):
    """The Card at a `machine.SPI` or SoftSPI and an output pin. `fast`: Hz once identified."""
    return Card(SdSpi(MachineBus(spi, cs, fast), now, within))


class MachineBus:
    """MicroPython's SPI and chip select as the driver wants them."""

    def __init__(self, spi, cs, fast):
        self._spi = spi
        self._fast = fast
        self.cs = cs
        self.write = spi.write

    def rate(self, hz):
        fast = self._fast if hz > 400000 else hz
        self._spi.init(baudrate=fast, polarity=0, phase=0)

    def readinto(self, buf):
        self._spi.readinto(buf, 0xFF)

    def close(self):
        """The bus is left as a CAN chip on it wants it."""


def busio_card(spi, cs, now, within):
    """The Card at a `busio.SPI` of its own and a `digitalio` output."""
    return Card(SdSpi(BusioBus(spi, cs), now, within))


class BusioBus:
    """CircuitPython's SPI and chip select; the bus is locked until `close`.

    Raises OSError when somebody else has it.
    """

    def __init__(self, spi, cs):
        self._spi = spi
        self._cs = cs
        if not spi.try_lock():
            raise OSError("its SPI bus is locked")
        self.write = spi.write
        self.close = spi.unlock

    def rate(self, hz):
        self._spi.configure(baudrate=hz, polarity=0, phase=0)

    def cs(self, level):
        self._cs.value = bool(level)

    def readinto(self, buf):
        self._spi.readinto(buf, write_value=0xFF)
