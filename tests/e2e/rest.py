"""Runs the rows of rest.txt against a store: request, exact answer.

    python3 rest.py ROWS OPENAPI.json SERVER [HEADING-PART]

Started by test_rest.sh, which owns the processes: what a row orders of them
goes to stdout, and the URLs come back on stdin.  How rows are written stands at
the top of rest.txt.  Each answer is also checked against the OpenAPI
description, and at the end each operation and status of that must have been
seen, but for those that rest.txt excuses.  The report goes to stderr; its last
line is `N passed, N failed`.
"""
import json
import os
import re
import socket
import sys
import threading
import time
import urllib.request

from description import Description

PATTERNS = {
    "time": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z",
    "age": r"[0-9]{1,3}",
    "n": r"[0-9]+",
    "etag": r'"[A-Za-z0-9._:+/=-]+"',
    "id": r"[A-Za-z0-9._-]{1,64}",
    "release": r"[0-9]+\.[0-9]+\.[0-9]+",
    "duration": r"(?:[0-9]+ms|[0-9]+(?:\.[0-9])?s|[0-9]+m[0-9]+s|[0-9]+h[0-9]+m[0-9]+s)",
    "mb": r"[0-9]+\.[0-9]MB",
    "text": r'(?:[^"\\]|\\.)+',
}
# Headers that every answer has, or that are the web server's: each row needn't name them.
ALWAYS = {"date", "server", "connection", "content-length", "accept-ranges", "x-request-id"}
DEADLINE = 30


def report(text):
    print(text, file=sys.stderr, flush=True)


class Row:
    def __init__(self, heading, name, line):
        self.heading, self.name, self.line = heading, name, line
        self.method = self.target = self.via = None
        self.headers, self.params, self.body = [], [], ""
        self.status, self.sets, self.answer_headers, self.answer_body = None, [], [], None
        self.key = self.length = True


class Rows:
    """rest.txt: rows and orders in their order, definitions, header sets, excuses."""

    def __init__(self, path, server):
        self.server = server
        self.steps, self.texts, self.sets, self.excuses = [], {}, {}, {}
        self.heading, self.row, self.answering, self.of_another = "", None, False, False
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                self.read(line.rstrip("\n"), number)

    def read(self, line, number):
        if line.startswith("#"):
            return
        if line.startswith("== "):
            self.heading, self.row = line[3:], None
        elif line.startswith("-- "):
            self.row, self.answering, self.of_another = Row(self.heading, line[3:], number), False, False
            self.steps.append(self.row)
        elif line.startswith("! "):
            self.row = None
            self.steps.append((line[2:], self.heading, number))
        elif line.startswith("define "):
            _, name, text = line.split(" ", 2)
            self.texts[name] = text
        elif line.startswith("set "):
            _, name, *_ = line.split(" ", 2)
            self.sets[name] = [tuple(h.split(": ", 1)) for h in line.split(" ", 2)[2].split(" | ")]
        elif line.startswith("excuse "):
            match = re.fullmatch(r"excuse (\S+) (\S+) ([0-9,]+): (.+)", line)
            for status in match[3].split(","):
                self.excuses[(match[2], match[1], int(status))] = match[4]
        elif self.row is not None and line:
            self.read_row(line, number)

    def read_row(self, line, number):
        row = self.row
        match = re.fullmatch(r"(?:([a-z ]+) )?=> (.+)", line)
        if match:
            self.of_another = match[1] is not None and self.server not in match[1].split()
        if self.of_another:
            return
        if match:
            row.status, *row.sets = match[2].split()
            row.answer_headers, row.answer_body = [], None
            self.answering = True
        elif line.startswith("| "):
            if self.answering:
                row.answer_body = line[2:]
            else:
                row.body += line[2:]
        elif line == "no key":
            row.key = False
        elif line == "no length":
            row.length = False
        elif line.startswith("param "):
            row.params.append(tuple(line[6:].split("=", 1)))
        elif row.method is None:
            words = line.split(" ")
            row.via = words.pop(0) if words[0] in ("fcgi", "later") else None
            row.method, row.target = words[0], " ".join(words[1:])
        elif re.match(r"[A-Za-z0-9_-]+:", line):
            (row.answer_headers if self.answering else row.headers).append(tuple((line + " ").split(": ", 1)))
        else:
            sys.exit("line %d can't be read: %s" % (number, line))


class Texts:
    """The <words> of requests and expectations."""

    def __init__(self, texts):
        self.texts, self.kept = texts, {}

    def expand(self, text):
        """<NAME> defined above, <N*x>, <hex:…>, <$kept>: what is known when the row is run."""
        def word(match):
            w = match[1]
            if w in self.texts:
                return self.expand(self.texts[w])
            if w.startswith("$"):
                return self.kept.get(w[1:], match[0])
            if re.fullmatch(r"[0-9]+\*.+", w):
                count, what = w.split("*", 1)
                return what * int(count)
            if w.startswith("hex:"):
                return bytes.fromhex(w[4:]).decode("latin-1").translate(LATIN)
            if w.startswith("items:"):
                return ",".join(self.expand(self.texts["item"]).replace("#", str(i)) for i in range(int(w[6:])))
            return match[0]
        return re.sub(r"<([^<>\s]+)>", word, text)

    def matches(self, expected, actual):
        """None, or what was expected; <etag=name> keeps what stood there."""
        expected = self.expand(expected)
        names, parts = [], []
        for part in re.split(r"(<[a-z]+(?:=[a-z0-9]+)?>)", expected):
            word, _, keep = part[1:-1].partition("=")
            if part.startswith("<") and word in PATTERNS:
                parts.append("(%s)" % PATTERNS[word])
                names.append(keep)
            else:
                parts.append(re.escape(part))
        match = re.fullmatch("".join(parts), actual, re.S)
        if match is None:
            return expected
        self.kept.update({n: v for n, v in zip(names, match.groups()) if n})
        return None


# Bytes that are no text are carried in strings as private characters.
LATIN = {i: 0xF0000 + i for i in range(0x80, 0x100)}
LATIN[0] = 0xF0000


def to_bytes(text):
    return b"".join(bytes([ord(c) - 0xF0000]) if 0xF0000 <= ord(c) < 0xF0100 else c.encode() for c in text)


def split_answer(data):
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("utf-8").split("\r\n")
    headers = [tuple(line.split(": ", 1)) if ": " in line else (line.rstrip(":"), "") for line in lines]
    return first, headers, body


def read_all(connection):
    data = b""
    while True:
        block = connection.recv(65536)
        if not block:
            return data
        data += block


def answered(status, body):
    """An error that came over HTTP: for run.sh, which wants to see each of them."""
    match = re.match(rb'{"error":{"code":"([a-z_]+)"', body)
    if match and os.environ.get("ANSWERED"):
        with open(os.environ["ANSWERED"], "a", encoding="utf-8") as file:
            file.write("%s %s\n" % (status, match[1].decode()))


class Store:
    """The way to the store, and to whoever starts and stops its parts."""

    def __init__(self):
        self.order("urls")

    def order(self, text):
        print(text, flush=True)
        answer = sys.stdin.readline().split()
        if len(answer) != 3:
            sys.exit("the order can't be carried out: " + text)
        self.web, self.central, self.fcgi = answer

    def http(self, method, target, headers, body):
        """Raw bytes over a new connection; (status, headers, body), None: no answer."""
        lines = ["%s %s HTTP/1.1" % (method, target), "Host: store", "Connection: close"]
        lines += ["%s: %s" % (n, v.rstrip(" ")) for n, v in headers]
        host, port = self.web.split("//")[1].split(":")
        try:
            with socket.create_connection((host, int(port)), DEADLINE) as connection:
                try:
                    connection.sendall(to_bytes("\r\n".join(lines) + "\r\n\r\n") + body)
                except ConnectionError:
                    pass  # refused before its end; the answer says so
                data = read_all(connection)
        except ConnectionError:
            return None
        if not data:
            return None
        first, answer_headers, answer_body = split_answer(data)
        answered(first.split()[1], answer_body)
        if ("Transfer-Encoding", "chunked") in answer_headers:
            sys.exit("a chunked answer can't be read")
        return int(first.split()[1]), answer_headers, answer_body

    def fastcgi(self, method, target, headers, params, body):
        """The same straight at the pool's socket, past what a web server refuses."""
        names = [("REQUEST_METHOD", method), ("REQUEST_URI", target), ("REMOTE_ADDR", "127.0.0.1")] + params
        for name, value in headers:
            name = name.upper().replace("-", "_")
            names.append((name if name.startswith("CONTENT_") else "HTTP_" + name, value.rstrip(" ")))

        def record(kind, content):
            return b"\1" + bytes([kind]) + b"\0\1" + len(content).to_bytes(2, "big") + b"\0\0" + content

        def pair(name, value):
            name, value = to_bytes(name), to_bytes(value)
            return b"".join((0x80000000 | len(x)).to_bytes(4, "big") for x in (name, value)) + name + value

        packed = b"".join(pair(n, v) for n, v in names)
        sent = record(1, b"\0\1\0\0\0\0\0\0")
        for kind, content in ((4, packed), (5, body)):
            for at in range(0, len(content), 65000):
                sent += record(kind, content[at : at + 65000])
            sent += record(kind, b"")
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(DEADLINE)
            connection.connect(self.fcgi)
            try:
                connection.sendall(sent)
            except BrokenPipeError:
                pass
            data, out = read_all(connection), b""
        while len(data) >= 8:
            length, padding = int.from_bytes(data[4:6], "big"), data[6]
            if data[1] == 6:
                out += data[8 : 8 + length]
            data = data[8 + length + padding :]
        first, answer_headers, answer_body = split_answer(out)
        return int(first.split()[1]), answer_headers, answer_body

    def ask_central(self, method, path, body=None):
        headers = {"X-API-Key": "admin", "Content-Type": "application/json"}
        data = body.encode() if body else None
        request = urllib.request.Request(self.central + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
            return json.load(answer)


class Runner:
    def __init__(self, rows, description, store):
        self.rows, self.description, self.store = rows, description, store
        self.texts = Texts(rows.texts)
        self.passed = self.failed = self.forwarded = 0
        self.waiting = []

    def say(self, name, errors):
        self.passed += not errors
        self.failed += bool(errors)
        for i, error in enumerate(errors):
            report(("FAILED: %s\n    " % name if i == 0 else "    ") + error.replace("\n", "\n    "))

    # ------------------------------------------------------------ orders

    def order(self, line):
        """What a line `! …` asks for; the words stand at the top of rest.txt."""
        word, _, rest = self.texts.expand(line).partition(" ")
        if word == "faults":
            self.store.ask_central("POST", "/test/faults", '{"faults":%s}' % rest)
            self.forwarded = self.updates()
        elif word == "central":
            method, verb, body = rest.split(" ", 2)
            self.store.ask_central(method, "/v1/admin/products/" + verb, body)
        elif word == "test":
            path, body = rest.split(" ", 1)
            self.store.ask_central("POST", "/test/" + path, body)
        elif word == "until":
            self.until(rest)
        elif word in ("live", "stopped"):
            self.until("/v1/store/sync/status \"state\":\"%s\"" % word)
            # Each worker looks by itself: ten answers in a row come from all of them.
            for _ in range(10):
                self.until("/v1/store/inventory/PROD-001 X-Store-Sync-State: " + word)
        elif word == "hanging":
            self.poll("a write that hangs at Central", lambda: self.updates() > self.forwarded)
        elif word == "join":
            for thread in self.waiting:
                thread.join()
            self.waiting = []
        elif word == "forwarded":
            now = self.updates()
            sent, self.forwarded = now - self.forwarded, now
            self.say("writes that went to Central: " + rest, [] if sent == int(rest) else ["there were %d" % sent])
        else:
            self.store.order(line)

    def updates(self):
        return self.store.ask_central("GET", "/test/stats")["requests"]["updates"]

    def until(self, rest):
        target, text = rest.split(" ", 1)

        def there():
            answer = self.store.http("GET", target, [("X-API-Key", "k1")], b"")
            lines = ["%s: %s" % header for header in answer[1]] if answer else []
            return answer is not None and re.search(text, "\n".join(lines + [answer[2].decode()]))

        self.poll(rest, there)

    def poll(self, what, condition):
        deadline = time.monotonic() + DEADLINE
        while not condition():
            if time.monotonic() > deadline:
                self.say("waited for " + what, ["it didn't come"])
                return
            time.sleep(0.02)

    # ------------------------------------------------------------ rows

    def run(self, row):
        if row.target is None or row.status is None:
            self.say("line %d" % row.line, ["is no whole row"])
            return
        if row.via == "later":
            thread = threading.Thread(target=self.run_now, args=(row,))
            self.waiting.append(thread)
            thread.start()
        else:
            self.run_now(row)

    def run_now(self, row):
        expand = self.texts.expand
        headers = [(n, expand(v)) for n, v in row.headers]
        body = to_bytes(expand(row.body))
        target = expand(row.target)
        if row.key and not any(n.lower() == "x-api-key" for n, _ in headers):
            headers.insert(0, ("X-API-Key", "k1"))
        has_length = any(n.lower() == "content-length" for n, _ in headers)
        if (body or row.method in ("POST", "PUT")) and row.length and not has_length:
            headers.append(("Content-Length", str(len(body))))
        if row.via == "fcgi":
            answer = self.store.fastcgi(row.method, target, headers, [(n, expand(v)) for n, v in row.params], body)
        else:
            answer = self.store.http(row.method, target, headers, body)
        errors = self.compare(row, answer)
        if answer and "foreign" not in row.sets:
            errors += self.against_description(row, target, answer)
        self.say("line %d: %s: %s" % (row.line, row.heading, row.name), errors)

    def against_description(self, row, target, answer):
        target = re.sub("^http://[^/]*", "", target)
        for name, value in row.params:
            if name == "DESCRIBED_AS":
                target = value
        status, headers, body = answer
        headers = {n.lower(): v for n, v in headers}
        errors = self.description.answer_errors(target, row.method, status, headers, body)
        return ["the description: " + e for e in errors]

    def compare(self, row, answer):
        if row.status == "none" or answer is None:
            return [] if (row.status == "none") == (answer is None) else ["answered: %r" % (answer,)]
        status, headers, body = answer
        errors = []
        if str(status) != row.status:
            errors.append("status %d, expected %s" % (status, row.status))
        text = body.decode("utf-8", "backslashreplace")
        if "foreign" in row.sets:
            return errors
        if "anybody" not in row.sets:
            expected = self.texts.matches(row.answer_body or "", text)
            if expected is not None:
                errors.append("body:     %s\nexpected: %s" % (text[:3000], expected[:3000]))
        return errors + self.compare_headers(row, status, headers, body)

    def compare_headers(self, row, status, headers, body):
        wanted = {}
        for name in row.sets:
            wanted.update(self.rows.sets.get(name, ()))
        wanted.update(row.answer_headers)
        wanted = {n.lower(): v.strip() for n, v in wanted.items()}
        errors = []
        names = [n.lower() for n, _ in headers]
        for name in sorted(set(names)):
            if names.count(name) > 1:
                errors.append("the header %s comes %d times" % (name, names.count(name)))
        there = {n.lower(): v for n, v in headers}
        for name, value in sorted(there.items()):
            if name in wanted:
                expected = self.texts.matches(wanted[name], value)
                if expected is not None:
                    errors.append("%s: %s\nexpected: %s" % (name, value, expected))
            elif name not in ALWAYS:
                errors.append("a header more: %s: %s" % (name, value))
        errors += ["a header is missing: %s: %s" % (n, v) for n, v in wanted.items() if n not in there]
        if not re.fullmatch(PATTERNS["id"], there.get("x-request-id", "")):
            errors.append("X-Request-Id is %r" % there.get("x-request-id"))
        length = there.get("content-length")
        if row.method != "HEAD" and status not in (204, 304) and length != str(len(body)):
            errors.append("Content-Length is %s, the body has %d bytes" % (length, len(body)))
        return errors

    def finish(self, whole):
        rows = [s for s in self.rows.steps if isinstance(s, Row)]
        names = [(r.heading, r.name) for r in rows]
        self.say("each row has a name of its own", ["twice: %s: %s" % n for n in set(names) if names.count(n) > 1])
        asked = [(r.heading, r.method, r.target, tuple(r.headers), tuple(r.params), r.body) for r in rows]
        if not whole:
            return
        excuses = self.rows.excuses
        for path, method, status in self.description.unseen():
            if (path, method, status) not in excuses:
                self.say("%s %s %d was answered by some row" % (method, path, status), ["by none"])
        for key in excuses:
            name = "the excuse for %s %s %d is needed" % (key[1], key[0], key[2])
            self.say(name, ["it was answered"] if key in self.description.seen else [])
        numbers = (len(rows), len(set(asked)), len(self.description.seen), len(excuses))
        report("%d rows, %d kinds of request, %d operations and statuses seen, %d excused" % numbers)


def main():
    rows = Rows(sys.argv[1], sys.argv[3])
    runner = Runner(rows, Description(sys.argv[2]), Store())
    only = sys.argv[4] if len(sys.argv) > 4 else ""
    for step in rows.steps:
        if isinstance(step, Row):
            if only in step.heading:
                runner.run(step)
        elif only in step[1]:
            runner.order(step[0])
    runner.finish(not only)
    report("%d passed, %d failed" % (runner.passed, runner.failed))


if __name__ == "__main__":
    main()
