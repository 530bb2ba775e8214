"""The exchanges that can be collected. To add one: its file, its name here, its golden frames.

The annotated tuple is what makes mypy hold each module against the contract. What stands in a file
NAME_rest is the REST half of NAME, where it is long or two feeds share it.
"""

from collectors.exchange import Exchange
from collectors.exchanges import binance, coinbase, coinbase_advanced, kraken

ALL: tuple[Exchange, ...] = (binance, coinbase, coinbase_advanced, kraken)
EXCHANGES = {exchange.NAME: exchange for exchange in ALL}

# Collected unless the settings name others. Not coinbase-advanced: its trades are coinbase's.
DEFAULT = (binance.NAME, coinbase.NAME, kraken.NAME)
