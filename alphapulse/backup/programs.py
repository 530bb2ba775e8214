"""Dagster's database by PostgreSQL's own pg_dump and pg_restore: its schema is not ours to make."""

import subprocess
from collections.abc import Iterable, Iterator, Mapping
from tempfile import TemporaryFile
from typing import IO

from alphapulse.backup.manifest import BackupError
from alphapulse.postgres.account import ENVIRONMENT
from alphapulse.postgres.binaries import find_binaries

CHUNK = 1 << 20  # bytes
DUMP = ("pg_dump", "--format=custom", "--no-owner", "--no-privileges")
RESTORE = ("pg_restore", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error")


def dump(variables: Mapping[str, str]) -> Iterator[bytes]:
    """The database that libpq's `variables` name, in pg_dump's own format; raises BackupError."""
    program = str(find_binaries() / DUMP[0])
    with TemporaryFile() as said:
        command = [program, *DUMP[1:]]
        with subprocess.Popen(
            command, env=environment(variables), stdout=subprocess.PIPE, stderr=said
        ) as process:
            assert process.stdout
            try:
                while chunk := process.stdout.read(CHUNK):
                    yield chunk
            except BaseException:
                process.kill()
                raise
        refuse_failure("pg_dump", process.returncode, said)


def restore(variables: Mapping[str, str], blocks: Iterable[bytes]) -> None:
    """Into an empty database, all or nothing; raises BackupError."""
    program = str(find_binaries() / RESTORE[0])
    command = [program, *RESTORE[1:], f"--dbname={variables['PGDATABASE']}"]
    with TemporaryFile() as content, TemporaryFile() as said:
        for block in blocks:  # whole and compared, before the first byte of it is believed
            content.write(block)
        content.seek(0)
        done = subprocess.run(
            command, env=environment(variables), stdin=content, stderr=said, check=False
        )
        refuse_failure("pg_restore", done.returncode, said)


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Nothing of ours steers the program, and no secret but its own reaches it."""
    return ENVIRONMENT | dict(variables)


def refuse_failure(program: str, code: int, said: IO[bytes]) -> None:
    if code:
        said.seek(0)
        words = said.read().decode(errors="replace").strip()
        raise BackupError(f"{program} failed with exit code {code}; it said:\n{words}")
