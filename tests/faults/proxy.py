"""A network that fails: a TCP proxy in front of Central.  Standard library alone.

    python3 proxy.py CENTRAL-HOST:PORT

prints its own port, then reads modes from stdin, a line each.  A mode is for
all connections, those that stand already too:

    pass        what comes goes on
    delay       each piece of an answer 300 ms later
    drip        an answer byte by byte
    cut         an answer's first bytes, then the end of the connection
    reset       the same with a reset
    request     the request goes on to Central, its answer doesn't: the connection is reset
    blackhole   nothing goes on, in neither direction, and nothing is said
    refuse      new connections are closed at once, those that stand are reset
"""
import socket
import struct
import sys
import threading
import time

DELAY, DRIP, BEGINNING = 0.3, 0.002, 40


class Proxy:
    def __init__(self, host, port):
        self.central, self.mode = (host, port), "pass"
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)

    def run(self):
        print(self.listener.getsockname()[1], flush=True)
        threading.Thread(target=self.accept, daemon=True).start()
        for line in sys.stdin:
            self.mode = line.strip()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            if self.mode == "refuse":
                client.close()
            else:
                threading.Thread(target=self.connect, args=(client,), daemon=True).start()

    def connect(self, client):
        while self.mode == "blackhole":
            time.sleep(0.05)
        try:
            server = socket.create_connection(self.central, timeout=10)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        ends = (client, server)
        threading.Thread(target=self.pump, args=(server, client, True, ends), daemon=True).start()
        self.pump(client, server, False, ends)

    def pump(self, source, target, is_answer, ends):
        try:
            while data := source.recv(65536):
                while self.mode == "blackhole":
                    time.sleep(0.05)
                if self.mode == "refuse" or (is_answer and not self.answer(data, target)):
                    break
                if not is_answer:
                    target.sendall(data)
        except OSError:
            pass
        self.hang_up(ends)

    def answer(self, data, target):
        """A piece of an answer; False: the connection ends with it."""
        mode = self.mode
        if mode == "request":
            return False
        if mode in ("cut", "reset"):
            target.sendall(data[:BEGINNING])
            return False
        if mode == "drip":
            for i in range(len(data)):
                target.sendall(data[i:i + 1])
                if self.mode == "drip":
                    time.sleep(DRIP)
            return True
        if mode == "delay":
            time.sleep(DELAY)
        target.sendall(data)
        return True

    def hang_up(self, ends):
        for end in ends:
            try:
                if self.mode in ("reset", "request", "refuse"):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                else:
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
            except OSError:
                pass


if __name__ == "__main__":
    name, number = sys.argv[1].rsplit(":", 1)
    Proxy(name, int(number)).run()
