"""Many clients at once, for the tests of writes.  Standard library alone.

    python3 clients.py URL KEY COMMAND [arguments…]

    sell N DELTA           PROD-001 … PROD-N sold by N clients at once, versions 1
    read-back N PRODUCT    N writes in a row, each followed by a GET on a connection of its own
    force N                N forces at once; N of them hang up, if HANG is given: force N HANG
    reads SECONDS PATH     as many reads one after the other as come through
    sales-while SECONDS PRODUCT   writes of one product one after the other, while something else goes on

Each prints one line of JSON: counts of statuses, seconds and so on.
"""
import http.client
import json
import sys
import threading
import time
from urllib.parse import urlsplit

URL, KEY = sys.argv[1], sys.argv[2]
HOST = urlsplit(URL).netloc


def ask(method, path, body=None, timeout=40):
    """(status, JSON or None, seconds), on a new connection."""
    began = time.monotonic()
    connection = http.client.HTTPConnection(HOST, timeout=timeout)
    try:
        connection.request(method, path, body and json.dumps(body), {"X-API-Key": KEY})
        answer = connection.getresponse()
        data = answer.read()
    finally:
        connection.close()
    value = json.loads(data) if data and answer.getheader("Content-Type") == "application/json" else None
    return answer.status, value, time.monotonic() - began


def at_once(count, work):
    """work(i) in threads of its own, begun together; the results in order."""
    results, gate = [None] * count, threading.Barrier(count)

    def one(i):
        gate.wait()
        results[i] = work(i)

    threads = [threading.Thread(target=one, args=(i,)) for i in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


def statuses(results):
    counts = {}
    for r in results:
        counts[str(r[0])] = counts.get(str(r[0]), 0) + 1
    return counts


def update(product, delta, version, key):
    return {"productId": product, "delta": delta, "version": version, "idempotencyKey": key}


def send(body):
    return ask("POST", "/v1/store/inventory/updates", body)


def sell(count, delta):
    began = time.monotonic()
    results = at_once(count, lambda i: send(update("PROD-%03d" % (i + 1), delta, 1, "sell-%d" % i)))
    slowest = max(r[2] for r in results)
    return {"statuses": statuses(results), "seconds": round(time.monotonic() - began, 3), "slowest": round(slowest, 3)}


def read_back(count, product):
    seen = 0
    for i in range(count):
        _, before, _ = ask("GET", "/v1/store/inventory/" + product)
        status, answer, _ = send(update(product, -1, before["version"], "back-%d" % i))
        _, after, _ = ask("GET", "/v1/store/inventory/" + product)
        told = (answer.get("newVersion"), answer.get("newQuantity"))
        shown = (after["version"], after["available"])
        seen += status == 200 and told == shown == (before["version"] + 1, before["available"] - 1)
    return {"seen": seen}


def force(count, hang=0):
    def one(i):
        if i < count:
            return ask("POST", "/v1/store/sync/force")
        connection = http.client.HTTPConnection(HOST)
        connection.request("POST", "/v1/store/sync/force", headers={"X-API-Key": KEY})
        connection.close()
        return (0, None, 0)

    results = at_once(count + hang, one)
    return {"statuses": statuses(results[:count]), "slowest": round(max(r[2] for r in results), 3)}


def reads(seconds, path):
    times, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        status, _, took = ask("GET", path)
        if status != 200:
            return {"failed": status}
        times.append(took)
    times.sort()
    return {"count": len(times), "median_ms": round(times[len(times) // 2] * 1000, 2)}


def sales_while(seconds, product):
    times, counts, until, i = [], {}, time.monotonic() + seconds, 0
    while time.monotonic() < until:
        version = ask("GET", "/v1/store/inventory/" + product)[1]["version"]
        status, _, took = send(update(product, -1, version, "while-%f-%d" % (until, i)))
        counts[str(status)] = counts.get(str(status), 0) + 1
        times.append(took)
        i += 1
    return {"statuses": counts, "slowest": round(max(times), 3)}


COMMANDS = {
    "sell": lambda a: sell(int(a[0]), int(a[1])),
    "read-back": lambda a: read_back(int(a[0]), a[1]),
    "force": lambda a: force(*map(int, a)),
    "reads": lambda a: reads(float(a[0]), a[1]),
    "sales-while": lambda a: sales_while(float(a[0]), a[1]),
}
print(json.dumps(COMMANDS[sys.argv[3]](sys.argv[4:])))
