"""The exchanges that can be collected. To add one: its file, its name here, its golden frames.

The annotated tuple is what makes mypy hold each module against the contract.
"""

from collectors.exchange import Exchange
from collectors.exchanges import binance, coinbase, kraken

ALL: tuple[Exchange, ...] = (binance, coinbase, kraken)
EXCHANGES = {exchange.NAME: exchange for exchange in ALL}
