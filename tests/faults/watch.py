"""Clients who see whatever happens: readers, tills, and an office that changes
products at Central.  Standard library alone.

    python3 watch.py WEB KEY CENTRAL ADMIN-KEY JOURNAL GUESTS

JOURNAL is what Central was (history.py).  PROD-001 to PROD-003 belong to one till
each; their stock nobody else changes, their names and prices the office does.
PROD-010 to PROD-019 are changed at Central and sometimes sold.  GUESTS products
come and go.  What must hold of every answer of ours, whatever is broken:

  - each product in it was like that at Central, and was so at or after what was
    seen, or a till was told, before the read began; so none goes back, none that
    was deleted comes back, none that is there is missing;
  - a list is in order and as long as it says;
  - what a till was told is applied was applied as it was told; what it was told
    is not applied never is; a key is applied once at most;
  - it is documented: JSON of ours, or the web server's own 5xx.

Commands on stdin, each answered with a line of JSON:

    report    what was answered since the last one, {"read 200": 17, …}; what was
              wrong; the slowest read in seconds
    pause     no request is under way any more, and none is begun
    resume
    books     of each till's product what was sold, and what perhaps
    totals    requests, and changes at Central, from the beginning
    last      the last answers: before something was wrong, or before now
    mark      for the next of:
    backup F  judges the products of a backup that was begun after the mark
"""
import collections
import http.client
import json
import random
import sys
import threading
import time
from urllib.parse import urlsplit

from history import History, parse

WEB, KEY, CENTRAL, ADMIN_KEY, JOURNAL, GUESTS = sys.argv[1:6] + [int(sys.argv[6])]
TILLS, READERS, CHANGED = 3, 3, range(10, 20)
READ_TIMEOUT, WRITE_TIMEOUT = 15, 30
PREFIX = "store-s1-"  # of the keys that Central sees


def product_id(number):
    return f"PROD-{number:03}"


def guest_id(number):
    return f"GUEST-{number:03}"


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
        return answer.status, parse(data)
    except ValueError:
        return answer.status, None


class Watch:
    def __init__(self):
        self.lock = threading.Lock()
        self.answers, self.wrong, self.slowest = {}, [], 0.0
        self.requests, self.last, self.kept = 0, collections.deque(maxlen=300), None
        self.sold, self.perhaps = {}, {}
        self.running = threading.Event()
        self.running.set()
        self.busy = 0
        self.history = History(JOURNAL, self.complain)
        self.history.refresh()
        self.floor = {name: self.history.newest(name)[0] for name in self.history.names()}
        self.marked = {}

    # ---- what is noted

    def note(self, kind, what, status, value):
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
            self.requests += 1
            self.last.append((round(time.time(), 3), kind, what, status, value))

    def complain(self, text):
        with self.lock:
            if self.kept is None:
                self.kept = list(self.last)
            if text[:300] not in self.wrong:
                self.wrong.append(text[:300])

    def floors(self):
        with self.lock:
            return dict(self.floor)

    def raise_floor(self, name, number):
        with self.lock:
            self.floor[name] = max(self.floor.get(name, 0), number)

    def look(self, name, shown, floors):
        """shown: a product, or None where there is none."""
        number = self.history.place(name, shown, floors.get(name, 0))
        if number is not None:
            self.raise_floor(name, number)

    # ---- those who ask

    def read(self, path, look):
        """The value of a 200."""
        floors, began = self.floors(), time.monotonic()
        status, value = ask(WEB, "GET", path, KEY)
        self.note("read", path, status, value)
        with self.lock:
            self.slowest = max(self.slowest, time.monotonic() - began)
        self.history.refresh()
        if status == 200 or (status == 404 and value):
            look(status == 200 and value, floors)
        # 500 without a word of ours is lighttpd's, for a worker that died under a request.
        elif status not in (0, 500, 502, 503, 504):
            self.complain(f"{status} for {path}")
        return value if status == 200 else None

    def read_product(self, name):
        return self.read("/v1/store/inventory/" + name,
                         lambda value, floors: self.look(name, value or None, floors))

    def read_some(self, names):
        def look(value, floors):
            for product in value["products"]:
                self.look(product["productId"], product, floors)
            for name in value["missing"]:
                self.look(name, None, floors)
            if len(value["products"]) + len(value["missing"]) != len(names):
                self.complain(f"a list of other than {names}")
        self.read("/v1/store/inventory?ids=" + ",".join(names), look)

    def look_at_all(self, products, floors):
        ids = [p["productId"] for p in products]
        if ids != sorted(set(ids)):
            self.complain(f"a list of {len(ids)} that is not in order: {ids[:3]}…")
        for product in products:
            self.look(product["productId"], product, floors)
        for name in set(self.history.names()) - set(ids):
            self.look(name, None, floors)

    def look_at_list(self, value, floors):
        if value["pagination"]["total"] != len(value["products"]):
            self.complain(f"a total of {value['pagination']['total']}")
        self.look_at_all(value["products"], floors)

    def reader(self, number):
        turn = number
        while True:
            with self.at_work():
                turn += 1
                numbers = [(turn * 7 + i) % 20 + 1 for i in range(3)]
                if turn % 4 == 0:
                    self.read("/v1/store/inventory?limit=200", self.look_at_list)
                elif turn % 4 == 1:
                    self.read_some([guest_id(n) for n in numbers] + [product_id(n) for n in numbers])
                elif GUESTS and turn % 4 == 2:
                    self.read_product(guest_id(turn // 4 % GUESTS + 1))
                else:
                    self.read_product(product_id(numbers[0]))
            time.sleep(0.02)

    # ---- tills

    def sell(self, names, key):
        """One of each, in one request; read before."""
        updates = []
        for i, name in enumerate(names):
            product = self.read_product(name)
            if not product:
                return
            updates.append({"productId": name, "delta": -1, "version": product["version"],
                            "idempotencyKey": f"{key}-{i}"})
        self.send(updates)

    def send(self, updates):
        unknown = self.forward(updates)
        # With the same key, as store-api(7) says; a refusal of this one tells nothing then.
        if unknown and random.random() < 0.5:
            unknown = self.forward(unknown, True)
        for update in unknown:
            self.perhaps[update["productId"]] = self.perhaps.get(update["productId"], 0) + 1

    def forward(self, updates, again=False):
        """Those of which nobody knows what became of them."""
        if len(updates) == 1:
            status, value = ask(WEB, "POST", "/v1/store/inventory/updates", KEY, updates[0], WRITE_TIMEOUT)
            results = [value]
        else:
            status, value = ask(WEB, "POST", "/v1/store/inventory/batch-updates", KEY,
                                {"storeId": "store-s1", "updates": updates}, WRITE_TIMEOUT)
            results = value["results"] if status == 200 and value else [value] * len(updates)
        self.note("write", updates, status, value)
        if len(results) != len(updates):
            self.complain(f"{len(results)} results for {len(updates)} updates")
        unknown = []
        for update, result in zip(updates, results):
            name, key = update["productId"], PREFIX + update["idempotencyKey"]
            if status == 200 and result and result["applied"]:
                self.raise_floor(name, self.history.applied(
                    key, name, result["newQuantity"], result["newVersion"]))
                self.sold[name] = self.sold.get(name, 0) + 1
            elif again or self.is_unknown(status, result):
                unknown.append(update)
            else:
                self.history.not_applied(key)
        return unknown

    @staticmethod
    def is_unknown(status, result):
        if status == 0 or result is None:
            return True
        if status in (200, 404, 409):
            return False
        details = (result.get("error") or {}).get("details") or {}
        return details.get("outcome") not in ("not_sent", "not_applied")

    def till(self, number):
        sales = 0
        while True:
            with self.at_work():
                sales += 1
                names = [product_id(number)]
                if sales % 5 == 0:
                    names.append(product_id(random.choice(CHANGED)))
                self.sell(names, f"till-{number}-{sales}")
            time.sleep(0.1)

    # ---- the office

    def admin(self, method, verb, body):
        ask(CENTRAL, method, "/v1/admin/products/" + verb, ADMIN_KEY, body, 5)

    def change_a_guest(self, turn):
        name = guest_id(turn // 3 % GUESTS + 1)
        self.history.refresh()
        if self.history.newest(name)[1] is None:
            self.admin("POST", "create", {"products": [
                {"productId": name, "name": f"Guest of turn {turn}", "available": turn, "price": 9.90}]})
        elif random.random() < 0.5:
            self.admin("DELETE", "delete", {"productIds": [name]})
        else:
            self.admin("PUT", "set", {"products": [{"productId": name, "available": turn}]})

    def office(self):
        turn = 0
        while True:
            with self.at_work():
                turn += 1
                if GUESTS and turn % 3 == 0:
                    self.change_a_guest(turn)
                elif turn % 7 == 0:
                    self.admin("PUT", "set", {"products": [
                        {"productId": product_id(turn // 7 % TILLS + 1), "name": f"Offer {turn}", "price": turn + 0.5}]})
                else:
                    self.admin("PUT", "set", {"products": [
                        {"productId": product_id(CHANGED[turn % len(CHANGED)]), "available": turn}]})
            time.sleep(0.1)

    # ---- the one who watches them

    def at_work(self):
        return Work(self)

    def report(self, _):
        with self.lock:
            result = {"answers": self.answers, "wrong": self.wrong,
                      "slowest": round(self.slowest, 2)}
            self.answers, self.wrong, self.slowest = {}, [], 0.0
        return result

    def pause(self, _):
        self.running.clear()
        while self.busy > 0:
            time.sleep(0.01)
        return {}

    def resume(self, _):
        self.running.set()
        return {}

    def books(self, _):
        return {product_id(i): {"sold": self.sold.get(product_id(i), 0),
                                "perhaps": self.perhaps.get(product_id(i), 0)}
                for i in range(1, TILLS + 1)}

    def totals(self, _):
        self.history.refresh()
        return {"requests": self.requests, "changes": self.history.changes,
                "sold": sum(self.sold.values()), "perhaps": sum(self.perhaps.values())}

    def last_answers(self, _):
        with self.lock:
            return self.kept or list(self.last)

    def mark(self, _):
        self.marked = self.floors()
        return {}

    def backup(self, file):
        self.history.refresh()
        try:
            with open(file, "rb") as lines:
                products = [parse(line) for line in lines.readlines()[1:-1]]
        except (OSError, ValueError) as error:
            self.complain(f"a backup that is not to be read: {error}")
            return {}
        self.look_at_all(products, self.marked)
        return {}

    def run(self):
        commands = {"report": self.report, "pause": self.pause, "resume": self.resume,
                    "books": self.books, "totals": self.totals, "last": self.last_answers,
                    "mark": self.mark, "backup": self.backup}
        threads = [(self.reader, (i,)) for i in range(READERS)]
        threads += [(self.till, (i,)) for i in range(1, TILLS + 1)] + [(self.office, ())]
        for work, arguments in threads:
            threading.Thread(target=work, args=arguments, daemon=True).start()
        for line in sys.stdin:
            word, _, argument = line.strip().partition(" ")
            print(json.dumps(commands[word](argument)), flush=True)


class Work:
    """A request under way, or a wait until there may be one.  What can't be read is wrong too."""

    def __init__(self, watch):
        self.watch = watch

    def __enter__(self):
        while True:
            self.watch.running.wait()
            with self.watch.lock:
                self.watch.busy += 1
            if self.watch.running.is_set():
                return
            self.__exit__(None, None, None)

    def __exit__(self, kind, error, _):
        with self.watch.lock:
            self.watch.busy -= 1
        if kind:
            self.watch.complain(f"not to be read: {kind.__name__} {error}")
        return True


if __name__ == "__main__":
    Watch().run()
