"""Clients that are slow: python3 slow.py WEB COUNT body|answer

body    each sends a write's body a byte a second, and takes its answer likewise
answer  each asks for 200 products and reads the answer a byte a second

Prints `slow` when all of them are at it.  `body` ends when each has seen a status
and prints how many there were of each, with the seconds that the first and the last
408 took to begin; `answer` goes on until SIGTERM and prints how many bytes were read.
"""
import collections
import signal
import socket
import sys
import time

HEADERS = "Host: store\r\nX-API-Key: k1\r\nConnection: close\r\n"
BODY = "POST /v1/store/inventory/updates HTTP/1.1\r\n" + HEADERS + "Content-Length: 1000\r\n\r\n"
ANSWER = "GET /v1/store/inventory?limit=200 HTTP/1.1\r\n" + HEADERS + "\r\n"
STATUS_END = len("HTTP/1.1 408")


class Client:
    def __init__(self, address, request):
        self.socket = socket.socket()
        # A window of a few kilobytes, so that the answer doesn't just vanish into it.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect(address)
        self.socket.sendall(request.encode())
        self.socket.setblocking(False)
        self.got, self.began, self.answered, self.ended = b"", time.monotonic(), None, False

    def turn(self, sends):
        """One byte out, while the server wants it, and one in, if there is one."""
        try:
            if sends and not self.got:
                self.socket.send(b" ")
        except OSError:
            pass
        try:
            byte = self.socket.recv(1)
        except BlockingIOError:
            return
        except OSError:
            byte = b""
        self.got += byte
        self.answered = self.answered or time.monotonic()
        self.ended = not byte or len(self.got) >= STATUS_END


def main():
    host, port = sys.argv[1].split("//")[1].split(":")
    sends = sys.argv[3] == "body"
    clients = [Client((host, int(port)), BODY if sends else ANSWER) for _ in range(int(sys.argv[2]))]
    told = []
    signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
    print("slow", flush=True)
    while not told and not (sends and all(c.ended for c in clients)):
        for client in clients:
            if not sends or not client.ended:
                client.turn(sends)
        time.sleep(1)
    if not sends:
        print("%d bytes read by %d" % (sum(len(c.got) for c in clients), sum(bool(c.got) for c in clients)))
        return
    statuses = collections.Counter(c.got[9:STATUS_END].decode() or "none" for c in clients)
    times = [c.answered - c.began for c in clients if c.got[9:STATUS_END] == b"408"] or [0]
    counts = " ".join("%s:%d" % s for s in sorted(statuses.items()))
    print("%s first 408 after %.0f s, last after %.0f s" % (counts, min(times), max(times)))


main()
