"""What can be wrong with the embedded PostgreSQL; each message names the thing and what to do.

PostgresError
  BinariesMissing    no PostgreSQL comes with AlphaPulse for this platform
  DirectoryRefused   the data directory is another account's, out of reach, or of another version
  PortTaken          another program listens where our server should
  StartFailed        the server itself gave up; its own words are in the message
  StopFailed         the process outlived every signal
"""


class PostgresError(Exception):
    """The embedded PostgreSQL cannot be used as it is."""


class BinariesMissing(PostgresError):
    """There is no program to start."""


class DirectoryRefused(PostgresError):
    """The data directory cannot be served; nothing in it was changed."""


class PortTaken(PostgresError):
    """Somebody else has the TCP port."""


class StartFailed(PostgresError):
    """initdb or the server ended before it was ready."""


class StopFailed(PostgresError):
    """The server could not be stopped."""
