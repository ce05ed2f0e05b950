"""Requests that two readers may take differently: python3 smuggling.py SERVER WEB

Each row is sent as raw bytes over a connection of its own, with an innocent request right
behind it, and all answers are read until the server hangs up.  What must come stands beside
the row: the status of each answer, with `!` where the web server itself answers (ours have an
X-Request-Id), and `after` for the innocent's own.  So a row that hides a request in its body
can't have it answered, nor spoil or shift what others are answered on that connection.

SERVER is lighttpd, apache or nginx.  What fails goes to stdout; the last line is
`N passed, N failed`.
"""
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

DEADLINE = 20
PRODUCT = "/v1/store/inventory/PROD-001"
UPDATES = "/v1/store/inventory/updates"
AFTER = b"GET /v1/store/inventory/PROD-002 HTTP/1.1\r\nHost: store\r\nX-API-Key: k1\r\n" \
    b"X-Request-Id: after\r\nConnection: close\r\n\r\n"
# What hides: the pool's log must never show it.
HIDDEN = b"POST /v1/store/sync/force HTTP/1.1\r\nHost: store\r\nX-API-Key: k1\r\n" \
    b"X-Request-Id: smuggled\r\nContent-Length: 0\r\n\r\n"
# What is a request in everybody's eyes, but has no key.
NO_KEY = HIDDEN.replace(b"X-API-Key: k1\r\n", b"").replace(b"smuggled", b"keyless")


def request(method, target, *lines, version="HTTP/1.1", host="Host: store", key="X-API-Key: k1", body=b""):
    """One request; a line may be bytes.  None leaves host or key out."""
    all_lines = ["%s %s %s" % (method, target, version)] + [x for x in (host, key) if x is not None] + list(lines)
    return b"".join((x if isinstance(x, bytes) else x.encode()) + b"\r\n" for x in all_lines) + b"\r\n" + body


def get(*lines, **rest):
    return request("GET", rest.pop("target", PRODUCT), *lines, **rest)


def post(*lines, **rest):
    return request("POST", rest.pop("target", UPDATES), *lines, **rest)


def length(body):
    return "Content-Length: %d" % len(body)


def chunked(body, end=b"0\r\n\r\n"):
    return b"%x\r\n%s\r\n%s" % (len(body), body, end)


CHUNKED = "Transfer-Encoding: chunked"
END = b"0\r\n\r\n"
SETTINGS = b"\0\0\x1e\4\0\0\0\0\0"  # the first frame of a server that speaks HTTP/2
LATER = END + HIDDEN

# Name; what comes, and what from the servers that answer otherwise; bytes.
ROWS = [
    # ---- where a body ends
    ("length and chunks, hidden behind the chunks", "400!; apache: 400", post(length(LATER), CHUNKED, body=LATER)),
    ("chunks and length, hidden behind the chunks", "400!; apache: 400", post(CHUNKED, length(LATER), body=LATER)),
    ("length and chunks, hidden in a chunk", "400!; apache: 400",
     post("Content-Length: 4", CHUNKED, body=chunked(HIDDEN))),
    ("two lengths, the same", "400!", post("Content-Length: 2", "Content-Length: 2", body=b"{}")),
    ("two lengths, the first one larger", "400!", post(length(HIDDEN), "Content-Length: 0", body=HIDDEN)),
    ("two lengths, the first one smaller", "400!", post("Content-Length: 0", length(HIDDEN), body=HIDDEN)),
    ("a list of lengths", "400!", post("Content-Length: 2, 2", body=b"{}")),
    ("a length with a plus", "400!", post("Content-Length: +2", body=b"{}")),
    ("a length with a minus", "400!", post("Content-Length: -2", body=b"{}")),
    ("a length in hex", "400!", post("Content-Length: 0x2", body=b"{}")),
    ("a length with letters behind it", "400!", post("Content-Length: 2a", body=b"{}")),
    ("a length of two words", "400!", post("Content-Length: 2 2", body=b"{}")),
    ("a length of nothing", "400!; lighttpd: 411!", post("Content-Length: ", body=b"{}")),
    ("a length beyond 2^64", "400!", post("Content-Length: 18446744073709551618", body=b"{}")),
    ("a length in a header that looks like it", "200 after", get("Content_Length: %d" % len(AFTER))),
    ("chunks in a header that looks like it", "200 after", get("Transfer_Encoding: chunked")),
    ("a body longer than its length: the rest is a request, and has no key", "400 401 after; apache: 400",
     post("Content-Length: 2", body=b"{}" + NO_KEY)),
    ("a body on a read isn't a request", "200 after; lighttpd: 400!", get(length(HIDDEN), body=HIDDEN)),
    ("a space before the colon", "400!", post("Transfer-Encoding : chunked", length(LATER), body=LATER)),
    ("a tab before the word", "400 after; apache: 400; nginx: 501!", post("Transfer-Encoding:\tchunked", body=END)),
    ("a vertical tab before the word", "400!; nginx: 501!",
     post("Transfer-Encoding:\x0bchunked", length(LATER), body=LATER)),
    ("a word that isn't chunked", "501!; apache: 400!",
     post("Transfer-Encoding: xchunked", length(LATER), body=LATER)),
    ("a word in quotes", "501!; apache: 400!", post('Transfer-Encoding: "chunked"', length(LATER), body=LATER)),
    ("chunked isn't the last word", "501!; apache: 400!",
     post("Transfer-Encoding: chunked, identity", length(LATER), body=LATER)),
    ("chunked comes twice", "400!; lighttpd: 400 after; apache: 400", post(CHUNKED, CHUNKED, body=END)),
    ("in two headers, the first one another", "400!; lighttpd: 501!; apache: 400",
     post("Transfer-Encoding: identity", CHUNKED, length(LATER), body=LATER)),
    ("chunks in a line that goes on", "400!; lighttpd: 400 after; apache: 400",
     post("X-Note: a", " Transfer-Encoding: chunked", length(LATER), body=LATER)),
    ("chunks in HTTP/1.0", "400!; apache: 400", post(CHUNKED, length(LATER), body=LATER, version="HTTP/1.0")),
    ("a chunk's size that is none", "400!", post(CHUNKED, body=b"xyz\r\n{}\r\n" + LATER)),
    ("a chunk's size with a minus", "400!", post(CHUNKED, body=b"-2\r\n{}\r\n" + LATER)),
    ("a chunk's size with 0x", "400!", post(CHUNKED, body=b"0x2\r\n{}\r\n" + LATER)),
    ("a chunk's size beyond 2^64", "400!; apache: 413!", post(CHUNKED, body=b"10000000000000002\r\n{}\r\n" + LATER)),
    ("a chunk that is longer than it says", "400!", post(CHUNKED, body=b"2\r\n{}xx\r\n" + LATER)),
    ("a chunk's size that ends in LF", "400!; nginx: 400 after", post(CHUNKED, body=b"2\n{}\r\n" + END)),
    ("a chunk with an extension", "400 after; apache: 400", post(CHUNKED, body=b"2;a=b\r\n{}\r\n" + END)),
    ("a key in a trailer is none", "401 after",
     post(CHUNKED, key=None, body=b"2\r\n{}\r\n0\r\nX-API-Key: k1\r\n\r\n")),
    # ---- where a header ends
    ("lines that end in LF", "400!; nginx: 200 after", get().replace(b"\r\n", b"\n")),
    ("a line that ends in LF hides a length", "400!; nginx: 200 after",
     get("X-Note: a\nContent-Length: %d" % len(HIDDEN), body=HIDDEN)),
    ("a CR within a header", "400!", get("X-Note: a\rX-API-Key: k2")),
    ("a header on two lines", "200 after; nginx: 400!", get("X-Note: a", " b")),
    ("a key on two lines", "400!; lighttpd: 401 after; apache: 200 after", get("X-API-Key:", " k1", key=None)),
    ("a key with a space before the colon", "400!", get("X-API-Key : k1", key=None)),
    ("NUL in a header", "400!", get("X-Note: a\0b")),
    ("NUL in a key", "400!", get(key="X-API-Key: k1\0")),
    ("NUL in a header's name", "400!", get("X-No\0te: a")),
    ("ESC in a header", "400!; nginx: 200 after", get("X-Note: \x1b[2J")),
    ("a line without a colon", "400!; nginx: 200 after", get("nothing")),
    ("a header without a name", "400!", get(": a")),
    ("a space before the first header", "400!", get(host=" Host: store")),
    ("an empty line before the request", "200 after; lighttpd: 400!", b"\r\n" + get()),
    ("two spaces in the request line", "400!; nginx: 200 after", request("GET ", PRODUCT)),
    ("a tab in the request line", "400!; lighttpd: 501!", get().replace(b" ", b"\t", 1)),
    # ---- what a request is
    ("HTTP/0.9", "a body alone: unauthorized; lighttpd: 400!", b"GET " + PRODUCT.encode() + b"\r\n"),
    ("HTTP/1.0 that goes on", "200 after", get("Connection: keep-alive", version="HTTP/1.0")),
    ("HTTP/1.0 that doesn't", "200", get(version="HTTP/1.0")),
    ("a version that there isn't", "200 after; lighttpd: 505!", get(version="HTTP/1.7")),
    ("a version that isn't spoken", "505!; apache: 200 after", get(version="HTTP/3.0")),
    ("a version that is none", "400!", get(version="HTTQ/1.1")),
    ("another protocol", "200 after; lighttpd: 101! HTTP/2",
     get("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")),
    ("the preface of HTTP/2", "400!; lighttpd: HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("nobody's proxy", "400!; apache: 400", request("CONNECT", "store:80", key=None)),
    ("another host's address", "200 after; lighttpd: 400!", get(target="http://evil.example" + PRODUCT)),
    ("another method in a header", "405 after",
     get("X-HTTP-Method-Override: POST", "X-Method-Override: POST", target="/v1/store/sync/force")),
    ("no host", "400!", get(host=None)),
    ("two hosts", "400!", get("Host: other")),
    ("a host with a space", "400!", get(host="Host: a b")),
    ("an expectation", "100 400 after; lighttpd: 400 after; apache: 400",
     post("Expect: 100-continue", "Content-Length: 2", body=b"{}")),
    ("an expectation that nobody meets", "400 after; apache: 417!",
     post("Expect: wonders", "Content-Length: 2", body=b"{}")),
    # ---- what it may hold
    ("a request line of 20 KB", "414!; lighttpd: 431!", get(target=PRODUCT + "?" + "a" * 20000)),
    ("a header of 200 KB", "400!; lighttpd: 431!", get("X-Note: " + "a" * 200000)),
    ("a thousand headers", "400!; lighttpd: 431!", get(*["X-Note-%d: %s" % (i, "a" * 60) for i in range(1000)])),
    # ---- what it says of its sender
    ("a proxy", "200 after", get("Proxy: http://127.0.0.1:1")),
    ("an address that is another's", "401 after",
     get("Remote-Addr: 192.0.2.1", "X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1", key="X-API-Key: wrong")),
    ("parameters of ours", "401 after",
     get("Store-Api-Prefix: /v1", "Request-Method: POST", "Request-Uri: /health", "Http-X-Api-Key: k1", key=None)),
    ("an id with a line's end", "400!; nginx: 200 after", get("X-Request-Id: a\r")),
]


def exchange(address, data):
    """All that comes until the server hangs up."""
    got = b""
    with socket.create_connection(address, DEADLINE) as connection:
        try:
            connection.sendall(data)
        except ConnectionError:
            pass  # refused before its end; the answer says so
        try:
            while block := connection.recv(65536):
                got += block
        except ConnectionError:
            pass
    return got


def body_end(headers, data):
    """Where the body that data begins with ends; None: it isn't all there."""
    if b"transfer-encoding: chunked" in headers:
        at = 0
        while True:
            line = data.find(b"\r\n", at)
            if line < 0:
                return None
            size = int(data[at:line], 16)
            at = line + 2 + size + 2
            if size == 0:
                return at
    for line in headers.split(b"\r\n"):
        if line.startswith(b"content-length: "):
            size = int(line[16:])
            return size if size <= len(data) else None
    return len(data)


def answers(data):
    """The statuses, as they stand beside the rows."""
    found = []
    while data:
        head, end, rest = data.partition(b"\r\n\r\n")
        words = head.split(b" ", 2)
        if data.startswith(SETTINGS):
            return found + ["HTTP/2"]
        if data.startswith(b'{"error":{"code":"unauthorized"'):
            return found + ["a body alone: unauthorized"]
        if not end or not words[0].startswith(b"HTTP/1."):
            return found + ["no answer: %r" % data[:60]]
        headers, status = head.lower(), words[1].decode()
        if b"\r\nx-request-id: after" in headers and status == "200":
            status = "after"
        elif b"\r\nx-request-id: " not in headers and status != "100":
            status += "!"
        found.append(status)
        size = 0 if status in ("100", "101!", "204", "304") else body_end(headers, rest)
        if size is None:
            return found + ["cut"]
        data = rest[size:]
    return found


def main():
    server = sys.argv[1]
    host, port = sys.argv[2].split("//")[1].split(":")

    def run(row):
        name, outcomes, data = row
        wanted, *others = outcomes.split("; ")
        wanted = dict(other.split(": ", 1) for other in others).get(server, wanted)
        try:
            came = " ".join(answers(exchange((host, int(port)), data + AFTER)))
        except OSError as error:
            came = str(error)
        if came == wanted:
            return None
        return "FAILED: %s: %s\n  expected: %s\n  came:     %s" % (server, name, wanted, came)

    with ThreadPoolExecutor(4) as pool:
        failures = [f for f in pool.map(run, ROWS) if f]
    print("\n".join(failures + ["%d passed, %d failed" % (len(ROWS) - len(failures), len(failures))]))


main()
