"""Every dialect that replay speaks, one pure file each. The annotated tuple is what mypy checks."""

from replay.dialect import Dialect
from replay.protocols import binance, coinbase, coinbase_advanced, kraken

ALL: tuple[Dialect, ...] = (binance, coinbase, coinbase_advanced, kraken)
DIALECTS = {dialect.NAME: dialect for dialect in ALL}
