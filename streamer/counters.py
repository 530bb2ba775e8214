"""What the streamer counts; it says so in its status file."""

from msgspec import Struct

EVERY = 2.0  # seconds between two writings


class Counters(Struct):
    """Grows while the program runs; `state`, `clients`, `lag` and `place` are of the moment."""

    state: str = "reconnecting"  # or live
    clients: int = 0
    accepted: int = 0
    trades: int = 0  # heard
    gaps: int = 0  # changes of gaps heard
    frames: int = 0  # frames of trades and gaps handed to clients
    slow_clients: int = 0  # closed with 1013
    refused_requests: int = 0
    refused_pages: int = 0  # connections from pages that may not
    refused_tokens: int = 0  # and from clients that did not know the token
    resumed: int = 0
    not_recovered: int = 0
    catch_ups: int = 0  # reconnections to the database that read what was missed
    caught_up: int = 0  # trades read that way
    looked_up: int = 0  # notices whose rows had to be read from the store
    strange_notices: int = 0
    lag: float = 0.0  # seconds between our latest mark and hearing it
    place: str = ""
