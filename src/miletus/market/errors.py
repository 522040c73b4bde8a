"""What can go wrong in the market package; every message is one line that says what to do.

MarketError
├── InstrumentNameError  a name is not an instrument's
├── ChainError           a file of market data can't be used
├── SurfaceError         quotes that no arbitrage-free surface fits
├── SheetError           a sheet that the machine would refuse
└── OracleError          a proposal that a signer does not approve
"""


class MarketError(ValueError):
    """Any of the errors of this package."""


class InstrumentNameError(MarketError):
    """A name that is not an instrument's, or an instrument that has no name."""


class ChainError(MarketError):
    """A file or folder of market data that can't be used."""


class SurfaceError(MarketError):
    """Quotes or parameters that give no arbitrage-free surface."""


class SheetError(MarketError):
    """Parameters from which no valid sheet entry follows (spec 06-R06)."""


class OracleError(MarketError):
    """A proposal that a signer refuses to approve, or that too few approve."""
