"""A bucket of an S3-compatible store, by pyarrow: what `alphapulse.backup.vault` asks of a place.

An object appears when it is whole: S3 ends a write by one request. Credentials come from the
standard AWS_ variables (or files, or the machine's role) and stand in no name and no message.
Bytes are stored as given: unless told otherwise pyarrow packs what is named .zst once more.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from pyarrow import fs

CHUNK = 1 << 20  # bytes
SCHEME = "s3://"
CONNECT, REQUEST = 10, 60  # seconds that an answer may take
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
ANY_REGION = "us-east-1"  # other stores than Amazon's take any


class Bucket:
    """`s3://bucket/prefix`; every method raises OSError."""

    def __init__(self, place: str, environment: Mapping[str, str]) -> None:
        self.place = place.rstrip("/")
        self.root = self.place.removeprefix(SCHEME)
        self.files = fs.S3FileSystem(
            endpoint_override=first(environment, ENDPOINTS),
            region=first(environment, REGIONS) or ANY_REGION,
            connect_timeout=CONNECT,
            request_timeout=REQUEST,
        )

    def path(self, name: str) -> str:
        return f"{self.root}/{name}"

    def put(self, name: str, chunks: Iterable[bytes]) -> None:
        """Pyarrow ends the object even where its content broke off: it is deleted then."""
        try:
            with self.files.open_output_stream(self.path(name), compression=None) as stream:
                for chunk in chunks:
                    stream.write(chunk)
        except BaseException:
            with suppress(OSError):
                self.delete(name)
            raise

    def get(self, name: str) -> Iterator[bytes]:
        with self.files.open_input_stream(self.path(name), compression=None) as stream:
            while chunk := stream.read(CHUNK):
                yield chunk

    def sizes(self, prefix: str = "") -> dict[str, int]:
        chosen = fs.FileSelector(self.path(prefix), allow_not_found=True, recursive=True)
        return {
            info.path.removeprefix(f"{self.root}/"): int(info.size)
            for info in self.files.get_file_info(chosen)
            if info.type is fs.FileType.File
        }

    def delete(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self.files.delete_file(self.path(name))


def first(environment: Mapping[str, str], names: Iterable[str]) -> str | None:
    return next((environment[name] for name in names if environment.get(name)), None)
