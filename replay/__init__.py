"""An exchange of our own: each exchange's WebSocket and REST, simulated or from a recording.

It is a second, independent reading of every protocol: nothing here knows `collectors.exchanges`.
"""
