"""The judges judged: what history.py and samples.py must let pass, and what they
must not.  The last line is `N passed, N failed`."""
import json
import re
import tempfile

import samples
from history import History


def product(version, available=5, name="A lamp", price="9.90"):
    return {"productId": "P1", "name": name, "available": available, "version": version,
            "lastUpdated": f"2026-01-01T00:00:0{version}Z", "price": price}


# Not there, created, sold twice, another name, deleted, created again, sold.
LIFE = [(product(1), None), (product(2, 4), "s-a"), (product(3, 3), "s-b"), (product(4, 3, "A lantern"), None),
        (None, None), (product(1, 7), None), (product(2, 6), "s-c")]

# What is shown, the floor before, the complaint ('': none), the number that it counts as.
SHOWN = [
    ("as it was", product(2, 4), 1, "", 2),
    ("as it is", product(2, 6), 7, "", 7),
    ("before it was there", None, 0, "", 0),
    ("deleted", None, 4, "", 5),
    ("went back", product(1), 2, r"P1 went back from version 2 to 1", None),
    ("went back to an earlier life", product(4, 3, "A lantern"), 6, r"P1 went back from .*", None),
    ("came back", product(3, 3), 5, r"P1 went back from absent to version 3", None),
    ("vanished", None, 6, r"P1 went back from version 1 to absent", None),
    ("was never deleted", "nobody", 1, r"P2 went back from version 1 to absent", None),
    ("another quantity", product(2, 5), 1, r"P1 was never like this: .*", None),
    ("another price", product(2, 4, price="9.9"), 1, r"P1 was never like this: .*", None),
    ("a version to come", product(9), 1, r"P1 was never like this: .*", None),
    ("a member more", {**product(2, 4), "colour": "red"}, 1, r"P1 was never like this: .*", None),
    ("new numbers, old name", product(4, 3), 1, r"P1 is shown in part: .*", 4),
]

# What a till was told of a sale: its key, quantity and version; None: that it is not applied.
TOLD = [
    ("applied", "s-a", 4, 2, ""),
    ("applied in a later life", "s-c", 6, 2, ""),
    ("applied, and it isn't", "s-x", 4, 2, r"s-x of P1 is not applied.*"),
    ("another quantity was told", "s-a", 3, 2, r"s-a of P1 is not applied.*"),
    ("another version was told", "s-a", 4, 3, r"s-a of P1 is not applied.*"),
    ("not applied", "s-x", None, None, ""),
    ("not applied, and it is", "s-b", None, None, r"s-b was told not to be applied, and is"),
]

# Values over time; is it flat?
FLAT = [
    ("the same all the time", "worker descriptors", [13] * 30, True),
    ("up and down", "worker descriptors", [13, 17, 12] * 10, True),
    ("one more each time", "worker descriptors", range(13, 43), False),
    ("a third more memory", "daemon rss_anon_kb", [1500] * 15 + [2500] * 15, True),
    ("twice the memory", "daemon rss_anon_kb", [3000] * 15 + [6000] * 15, False),
    ("slots that are not given back", "store readers", range(4, 34), False),
    ("above the ceiling once", "store generations", [1] * 20 + [4] + [1] * 9, False),
    ("only at its beginning", "worker descriptors", [13] * 3, False),
]

# The same of those that have grown old.
FLAT_OLD = [
    ("grows up, and stays so", "daemon rss_anon_kb", [1700] * 10 + [2400] * 20, True),
    ("16 KB more each time", "daemon rss_anon_kb", range(2400, 3200, 16), False),
    ("two descriptors for a while", "daemon descriptors", [15] * 20 + [17] * 10, True),
    ("a descriptor more now and then", "worker descriptors", [13 + i // 3 for i in range(30)], False),
    ("one more thread", "worker threads", [9] * 20 + [10] * 10, False),
    ("more slots than threads", "store readers", [6] * 20 + [19] * 10, False),
    ("a file that grows", "store file_bytes", range(1 << 20, 3 << 20, 1 << 16), False),
]


class Judged:
    def __init__(self):
        self.passed = self.failed = 0
        self.heard = []

    def verdict(self, name, good, what):
        self.passed += good
        self.failed += not good
        if not good:
            print(f"FAILED: {name}: {what}")

    def hear(self, complaint):
        self.heard.append(complaint)

    def hears(self, name, wanted):
        heard, self.heard = self.heard, []
        self.verdict(name, bool(re.fullmatch(wanted, "; ".join(heard))), heard)


def journal(lines):
    file = tempfile.NamedTemporaryFile("w", suffix=".journal")
    for name, state, key in lines:
        # The price with its digits, as Central writes it.
        text = json.dumps({"productId": name, "key": key, "product": state})
        file.write(re.sub(r'"price": "([0-9.]+)"', r'"price": \1', text) + "\n")
    file.flush()
    return file


def main():
    judged = Judged()
    lines = [("P1", state, key) for state, key in LIFE] + [("P2", product(1), None)]
    with journal(lines) as file:
        history = History(file.name, judged.hear)
        history.refresh()
        for name, shown, floor, wanted, number in SHOWN:
            whose = ("P2", None) if shown == "nobody" else ("P1", shown)
            placed = history.place(*whose, floor)
            judged.hears(name, wanted)
            judged.verdict(f"{name}: its number", placed == number, placed)
        for name, key, quantity, version, wanted in TOLD:
            if version:
                history.applied(key, "P1", quantity, version)
            else:
                history.not_applied(key)
            judged.hears(name, wanted)
    with journal(lines + [("P1", product(3, 5), "s-a")]) as file:
        History(file.name, judged.hear).refresh()
        judged.hears("one key, two sales", r"s-a was applied twice")
    for name, series, values, wanted in FLAT:
        flat, words = samples.judge(values, samples.SERIES[series])
        judged.verdict(name, flat == wanted, words)
    for name, series, values, wanted in FLAT_OLD:
        flat, words = samples.judge(values, samples.OLD[series], 1)
        judged.verdict(f"old: {name}", flat == wanted, words)
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("second\tseries\twhose\tage\tvalue\n")
        for i in range(40):
            # What grows does so while it is young, or is one of two.
            for whose, value in (("1", 13), ("2", 13 + max(0, i - 20)), ("3", 13 + 5 * (i < 10))):
                file.write(f"{i}\tworker descriptors\t{whose}\t{i + 5}\t{value}\n")
        file.flush()
        old = samples.by_time(file.name, 10)
        flat = [samples.judge(values, samples.OLD[series], 1)[0] for (series, _), values in old.items()]
        judged.verdict("old: each process by itself", flat == [True, False, True], old)
    print(f"{judged.passed} passed, {judged.failed} failed")


if __name__ == "__main__":
    main()
