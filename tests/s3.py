"""An S3-compatible store of our own: moto's server, on a port that was free."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen

from moto.server import ThreadedMotoServer

BUCKET = "backups"


@contextmanager
def s3_server() -> Iterator[dict[str, str]]:
    """Its environment: endpoint and keys; it has the bucket BUCKET."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        with urlopen(Request(f"{endpoint}/{BUCKET}", method="PUT"), timeout=30) as answer:
            assert answer.status == 200
        yield {
            "AWS_ENDPOINT_URL_S3": endpoint,
            "AWS_ACCESS_KEY_ID": "a-key",
            "AWS_SECRET_ACCESS_KEY": "a-secret-key",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    finally:
        server.stop()
