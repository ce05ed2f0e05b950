"""What the products of Central were, one state after the other, as its journal
says (`central --journal`), and whether an answer of ours fits that.  Standard
library alone.

A product's states are numbered: 0, it was never there; then each that the
journal tells, where None stands for a product that was deleted.  Whoever saw
state 7 sees 7 or a later one from then on (the floor).  So a version that goes
back, a deleted product that comes back and a created one that vanishes are the
same mistake: nothing at or above the floor is what was shown.

What a state holds is compared whole, member by member, numbers by their digits.
"""
import json
import threading

KEPT = 500  # states of a product that are kept; older ones nobody can be shown


def parse(text):
    """JSON whose fractions keep their digits."""
    return json.loads(text, parse_float=str)


def describe(state):
    return "absent" if state is None else f"version {state.get('version')}"


class History:
    def __init__(self, path, complain):
        self.file = open(path, "rb")
        self.complain = complain
        self.lock = threading.Lock()
        self.rest = b""
        self.states = {}  # id: [(state, key), …], the last of them
        self.dropped = {}  # id: how many were before
        self.keys = {}  # of updates that were applied: (id, number)
        self.never = set()  # those of which somebody was told that they were not
        self.changes = 0

    # ---- the journal

    def refresh(self):
        with self.lock:
            lines = (self.rest + self.file.read()).split(b"\n")
            self.rest = lines.pop()
            for line in lines:
                self.take(parse(line))

    def take(self, line):
        name, key = line["productId"], line["key"]
        states = self.states.setdefault(name, [(None, None)])
        states.append((line["product"], key))
        number = self.dropped.setdefault(name, 0) + len(states) - 1
        if len(states) > 2 * KEPT:
            self.dropped[name] += len(states) - KEPT
            del states[:-KEPT]
        self.changes += 1
        if key is None:
            return
        if key in self.keys:
            self.complain(f"{key} was applied twice")
        if key in self.never:
            self.complain(f"{key} was applied, and somebody was told that it was not")
        self.keys[key] = (name, number)

    def names(self):
        with self.lock:
            return list(self.states)

    def newest(self, name):
        """(number, state)"""
        with self.lock:
            states = self.states.get(name, [(None, None)])
            return self.dropped.get(name, 0) + len(states) - 1, states[-1][0]

    # ---- judging

    def place(self, name, shown, floor):
        """The number of what was shown, at or above floor; None, and a complaint, if there is none."""
        with self.lock:
            states, dropped = self.states.get(name, [(None, None)]), self.dropped.get(name, 0)
            begin = max(floor - dropped, 0)
            for i in range(begin, len(states)):
                if states[i][0] == shown:
                    return dropped + i
            partial = self.partial(states, begin, shown)
            before = states[begin][0] if begin < len(states) else None
            known = any(state == shown for state, _ in states[:begin])
        if partial is not None:
            self.complain(f"{name} is shown in part: {json.dumps(shown)}")
            return dropped + partial
        if known and before and shown:
            self.complain(f"{name} went back from version {before['version']} to {shown['version']}")
        elif known:
            self.complain(f"{name} went back from {describe(before)} to {describe(shown)}")
        elif shown is None:
            self.complain(f"{name} is missing, and was never deleted since {describe(before)}")
        else:
            self.complain(f"{name} was never like this: {json.dumps(shown)}")
        return None

    @staticmethod
    def partial(states, begin, shown):
        """
        The state whose numbers are shown over an older name and price: a write's
        answer has neither, and where Central can't be asked for the product after
        it, that is what can be shown.
        """
        numbers = ("available", "version", "lastUpdated")
        if shown is None:
            return None
        older = {m: v for m, v in shown.items() if m not in numbers}
        for i in range(begin, len(states)):
            state = states[i][0]
            if state and all(state[m] == shown.get(m) for m in numbers):
                if any(s and older == {m: v for m, v in s.items() if m not in numbers}
                       for s, _ in states[:i]):
                    return i
        return None

    def applied(self, key, name, quantity, version):
        """Somebody was told so: the number of the state that the update led to."""
        self.refresh()
        with self.lock:
            found, number = self.keys.get(key, (None, 0))
            if found == name:
                at = number - self.dropped[name]
                state = self.states[name][at][0] if at >= 0 else None
                if state and (state["available"], state["version"]) == (quantity, version):
                    return number
        self.complain(f"{key} of {name} is not applied at Central as was told: {quantity}, version {version}")
        return 0

    def not_applied(self, key):
        """Somebody was told so: it isn't, nor ever will be."""
        self.refresh()
        with self.lock:
            self.never.add(key)
            wrong = key in self.keys
        if wrong:
            self.complain(f"{key} was told not to be applied, and is")
