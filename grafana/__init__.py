"""Dashboards for Grafana as code; `python -m grafana` writes them to grafana/dashboards.

In the older of Grafana's two forms (schemaVersion 42), which every release reads and makes the
newer one of; the SDK says on being imported that it prefers the newer.
"""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.builders import (  # noqa: F401
        candlestick,
        common,
        dashboard,
        stat,
        statushistory,
        table,
        timeseries,
    )
