"""The floor's listener: each notice's payload, a time, goes to one raw socket at once."""

import select
import socket
import struct
import sys

from alphapulse.store.connect import connect


def main(url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door, connect(url, "floor") as store:
        store.execute("LISTEN floor")
        print(door.getsockname()[1], flush=True)
        client, _ = door.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll = select.poll()
        poll.register(store.pgconn.socket, select.POLLIN)
        while True:
            poll.poll()
            store.pgconn.consume_input()
            while notice := store.pgconn.notifies():
                client.sendall(struct.pack("d", float(notice.extra)))


if __name__ == "__main__":
    main(sys.argv[1])
