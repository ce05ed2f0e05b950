"""Peers that are slow: python3 slow.py WEB COUNT body|answer, slow.py SOCKET COUNT head|asks

body    each sends a write's body a byte a second, and takes its answer likewise
answer  each asks for 200 products and reads the answer a byte a second
head    each is a web server that sends the head of a FastCGI request a byte a second
asks    each is one that sends FastCGI's own questions in a request, and takes no answers

Prints `slow` when all of them are at it.  `body` ends when each has seen a status
and prints how many there were of each, with the seconds that the first and the last
408 took to begin; `answer` goes on until SIGTERM and prints how many bytes were read.
`head` and `asks` end when each has been hung up on, and prints the seconds until the first and the last.
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
# The begin of a responder's request, its parameters, their end; a record of an unknown type.
BEGIN = b"\1\1\0\1\0\10\0\0" + b"\0\1\0\0\0\0\0\0"
PARAMETERS = b"\16\3REQUEST_METHODGET" + b"\13\7REQUEST_URI/health"
HEAD = BEGIN + b"\1\4\0\1\0" + bytes([len(PARAMETERS)]) + b"\0\0" + PARAMETERS + b"\1\4\0\1\0\0\0\0"
QUESTION = b"\1\13\0\0\0\0\0\0"


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


def web_servers(path, count, at_once, slowly):
    """What is sent at first, and then without end a byte a second."""
    began, ends, peers = time.monotonic(), [], []
    for _ in range(count):
        peers.append(socket.socket(socket.AF_UNIX))
        peers[-1].connect(path)
        peers[-1].sendall(at_once)
    print("slow", flush=True)
    sent = 0
    while peers:
        for peer in list(peers):
            try:
                peer.send(slowly[sent:sent + 1] or b"x")
            except OSError:
                peers.remove(peer)
                ends.append(time.monotonic() - began)
        sent += 1
        time.sleep(1)
    print("%d hung up on, the first after %.0f s, the last after %.0f s" % (len(ends), min(ends), max(ends)))


def main():
    if sys.argv[3] == "head":
        web_servers(sys.argv[1], int(sys.argv[2]), b"", BEGIN + b"\1\4\0\1\377\377\0\0")
        return
    if sys.argv[3] == "asks":
        web_servers(sys.argv[1], int(sys.argv[2]), HEAD + 2000 * QUESTION, b"")
        return
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
