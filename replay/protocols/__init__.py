"""Every dialect that replay speaks, one pure file each. The annotated tuple is what mypy checks."""

from replay.dialect import Dialect
from replay.protocols import binance, coinbase, kraken

ALL: tuple[Dialect, ...] = (binance, coinbase, kraken)
DIALECTS = {dialect.NAME: dialect for dialect in ALL}
