"""Clients who see whatever happens: readers, tills, and an office that changes
products at Central.  Standard library alone.

    python3 watch.py WEB KEY CENTRAL ADMIN-KEY PRODUCTS

PROD-001 to PROD-005 belong to one till each, which nobody else changes; PROD-010
to PROD-019 are changed at Central; no product comes or goes.  What must hold of
every answer of ours, whatever is broken:

  - a product never goes back behind a version that was seen, or that a till was
    told of, before the read began;
  - a list is whole, in order, and as long as it says;
  - it is documented: JSON of ours, or the web server's own 5xx.

Commands on stdin, each answered with a line of JSON:

    report    what was answered since the last one, {"read 200": 17, …}; what was
              wrong; the slowest read in seconds
    pause     no request is under way any more, and none is begun
    resume
    books     of each till's product what was sold, and what perhaps
"""
import http.client
import json
import sys
import threading
import time
from urllib.parse import urlsplit

WEB, KEY, CENTRAL, ADMIN_KEY, PRODUCTS = sys.argv[1:5] + [int(sys.argv[5])]
TILLS, READERS, CHANGED = 3, 3, range(10, 20)
READ_TIMEOUT, WRITE_TIMEOUT = 15, 30


def product_id(number):
    return f"PROD-{number:03}"


def ask(url, method, path, key, body=None, timeout=READ_TIMEOUT):
    """(status, value); status 0: no answer, value None: no JSON."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=timeout)
    try:
        connection.request(method, path, body and json.dumps(body),
                           {"X-API-Key": key, "Content-Type": "application/json"})
        answer = connection.getresponse()
        data = answer.read()
    except (OSError, http.client.HTTPException):
        return 0, None
    finally:
        connection.close()
    try:
        return answer.status, json.loads(data)
    except ValueError:
        return answer.status, None


class Watch:
    def __init__(self):
        self.lock = threading.Lock()
        self.answers, self.wrong, self.slowest = {}, [], 0.0
        self.floor = {}
        self.sold, self.perhaps = {}, {}
        self.running = threading.Event()
        self.running.set()
        self.busy = 0

    # ---- what is noted

    def note(self, kind, status, value):
        error = value.get("error") if isinstance(value, dict) else None
        if status == 0:
            word = "none"
        elif isinstance(error, dict):
            word = f"{status} {error.get('code')}"
        else:
            word = f"{status}" if value is not None else f"{status} web"
        with self.lock:
            name = f"{kind} {word}"
            self.answers[name] = self.answers.get(name, 0) + 1

    def complain(self, text):
        with self.lock:
            if text[:300] not in self.wrong:
                self.wrong.append(text[:300])

    def floors(self):
        with self.lock:
            return dict(self.floor)

    def raise_floor(self, name, version):
        with self.lock:
            self.floor[name] = max(self.floor.get(name, 0), version)

    def look(self, product, floors):
        name, version = product["productId"], product["version"]
        if version < floors.get(name, 0):
            self.complain(f"{name} went back from version {floors[name]} to {version}")
        self.raise_floor(name, version)

    # ---- those who ask

    def read(self, path, look):
        floors, began = self.floors(), time.monotonic()
        status, value = ask(WEB, "GET", path, KEY)
        self.note("read", status, value)
        with self.lock:
            self.slowest = max(self.slowest, time.monotonic() - began)
        if status == 200:
            look(value, floors)
        elif status not in (0, 500, 502, 503, 504) or (status == 500 and value is None):
            # 500 without a word of ours is lighttpd's, for a worker that died under a request.
            if status != 500:
                self.complain(f"{status} for {path}")

    def look_at_list(self, value, floors):
        ids = [p["productId"] for p in value["products"]]
        if ids != [product_id(i + 1) for i in range(PRODUCTS)]:
            self.complain(f"a list of {len(ids)}: {ids[:3]}…")
        if value["pagination"]["total"] != PRODUCTS:
            self.complain(f"a total of {value['pagination']['total']}")
        for product in value["products"]:
            self.look(product, floors)

    def reader(self, number):
        turn = number
        while True:
            with self.at_work():
                turn += 1
                if turn % 4 == 0:
                    self.read("/v1/store/inventory?limit=200", self.look_at_list)
                else:
                    name = product_id(turn * 7 % 20 + 1)
                    self.read("/v1/store/inventory/" + name, self.look)
            time.sleep(0.02)

    def sell(self, name, key):
        status, value = ask(WEB, "GET", "/v1/store/inventory/" + name, KEY)
        if status != 200:
            return
        update = {"productId": name, "delta": -1, "version": value["version"], "idempotencyKey": key}
        status, value = ask(WEB, "POST", "/v1/store/inventory/updates", KEY, update, WRITE_TIMEOUT)
        self.note("write", status, value)
        if status == 200 and value.get("applied"):
            self.raise_floor(name, value["newVersion"])
            self.sold[name] = self.sold.get(name, 0) + 1
        elif self.is_unknown(status, value):
            self.perhaps[name] = self.perhaps.get(name, 0) + 1

    @staticmethod
    def is_unknown(status, value):
        if status == 0 or value is None:
            return True
        if status == 409 or status == 404:
            return False
        details = (value.get("error") or {}).get("details") or {}
        return details.get("outcome") not in ("not_sent", "not_applied")

    def till(self, number):
        name, sales = product_id(number), 0
        while True:
            with self.at_work():
                sales += 1
                self.sell(name, f"till-{number}-{sales}")
            time.sleep(0.1)

    def office(self):
        turn = 0
        while True:
            with self.at_work():
                turn += 1
                name = product_id(CHANGED[turn % len(CHANGED)])
                ask(CENTRAL, "PUT", "/v1/admin/products/set", ADMIN_KEY,
                    {"products": [{"productId": name, "available": turn}]}, 5)
            time.sleep(0.1)

    # ---- the one who watches them

    def at_work(self):
        return Work(self)

    def command(self, word):
        if word == "report":
            with self.lock:
                result = {"answers": self.answers, "wrong": self.wrong,
                          "slowest": round(self.slowest, 2)}
                self.answers, self.wrong, self.slowest = {}, [], 0.0
            return result
        if word == "pause":
            self.running.clear()
            while self.busy > 0:
                time.sleep(0.01)
        elif word == "resume":
            self.running.set()
        elif word == "books":
            return {product_id(i): {"sold": self.sold.get(product_id(i), 0),
                                    "perhaps": self.perhaps.get(product_id(i), 0)}
                    for i in range(1, TILLS + 1)}
        return {}

    def run(self):
        threads = [(self.reader, (i,)) for i in range(READERS)]
        threads += [(self.till, (i,)) for i in range(1, TILLS + 1)] + [(self.office, ())]
        for work, arguments in threads:
            threading.Thread(target=work, args=arguments, daemon=True).start()
        for line in sys.stdin:
            print(json.dumps(self.command(line.strip())), flush=True)


class Work:
    """A request under way, or a wait until there may be one."""

    def __init__(self, watch):
        self.watch = watch

    def __enter__(self):
        while True:
            self.watch.running.wait()
            with self.watch.lock:
                self.watch.busy += 1
            if self.watch.running.is_set():
                return
            self.__exit__()

    def __exit__(self, *_):
        with self.watch.lock:
            self.watch.busy -= 1


if __name__ == "__main__":
    Watch().run()
