"""Who may write an exchange: one connection at a time, and whoever comes second is told whose."""

from collections.abc import Iterable

from alphapulse.store.connect import Store, StoreUnavailable

LOCK_SPACE = 0x414C5048  # "ALPH": first half of our advisory locks' keys
ENDING = 2000  # milliseconds that the server gets to end a lost connection of ours

# Whoever may not look into another's session is shown no times of it.
HOLDER = """
SELECT a.pid, a.application_name,
       coalesce(to_char(a.backend_start, ', since YYYY-MM-DD HH24:MI:SS "UTC"'), ''),
       a.application_name = current_setting('application_name')
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted
  AND l.classid::bigint = %s AND l.objid::bigint = hashtext(%s)::bigint & 4294967295
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


class AlreadyCollected(Exception):
    """Another collector writes this exchange; the message names it."""


def claim(store: Store, exchange: str, former: int = 0) -> None:
    """Become the one writer of `exchange` for as long as this connection lives.

    Raises AlreadyCollected, which names the holder. `former` is the server process of the caller's
    own lost connection: the server may take hours to notice that nobody is there, so it is ended.
    StoreUnavailable asks for another try.
    """
    if try_lock(store, exchange):
        return
    holder = store.execute(HOLDER, [LOCK_SPACE, exchange]).fetchone()
    if not holder:
        raise StoreUnavailable(f"{exchange} was set free this very moment: try again")
    process, name, since, is_namesake = holder
    if process != former or not is_namesake:
        raise AlreadyCollected(
            f"{exchange} is already being collected by {name} (server process {process}{since}); "
            "stop that collector first"
        )
    store.execute("SELECT pg_terminate_backend(%s, %s)", [former, ENDING])
    if not try_lock(store, exchange):
        raise StoreUnavailable(f"our own lost connection still holds {exchange}: try again")


def try_lock(store: Store, exchange: str) -> bool:
    values = [LOCK_SPACE, exchange]
    found = store.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", values).fetchone()
    return found == (True,)


def holders(store: Store, exchanges: Iterable[str]) -> dict[str, str]:
    """Which of these exchanges a living collector holds, and its name."""
    found = {}
    for exchange in exchanges:
        row = store.execute(HOLDER, [LOCK_SPACE, exchange]).fetchone()
        if row:
            found[exchange] = str(row[1])
    return found
