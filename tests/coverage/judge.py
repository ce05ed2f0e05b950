"""Which lines of src no test reached, and whether each of them is explained.

    python3 judge.py LINES.json UNREACHED.txt REPORT.txt FAILED-SUITES

LINES.json is gcovr's; how UNREACHED.txt is written stands at its top.  REPORT.txt
gets a table by room and file and then every unreached line, with the reason if
there is one.  Printed are the table by room and what is wrong: lines without a
reason, reasons without a line, fewer than 90 % of lines reached.  Last line:
`N passed, N failed`; suites that failed count as failed.
"""
import collections
import fnmatch
import json
import sys

LEAST_PERCENT = 90
SHORT_RUN = 5  # one statement, as a rule, and what cleans up behind it


class Row:
    """One explanation: where, and a piece of a line's text; empty: the whole function."""

    def __init__(self, reason, where, text, number):
        self.reason, self.number = reason, number
        self.by_chance = reason.startswith("By chance")
        self.file, self.functions = where
        self.text, self.lines = text, 0

    def is_of(self, path, function):
        return fnmatch.fnmatch(path, self.file) and any(
            fnmatch.fnmatch(function, f) for f in self.functions.split(","))

    def __str__(self):
        return "%s %s: %s" % (self.file, self.functions, self.text)


def read_rows(path):
    rows, reason, begins = [], "", True
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip("\n")
            if line.startswith("== "):
                reason = line[3:] if begins else reason + line[2:]
            elif line and not line.startswith("#"):
                where, _, texts = line.partition(": ")
                for text in texts.split(" | "):
                    rows.append(Row(reason, where.rstrip(":").split(), text, number))
            begins = not line.startswith("== ")
    return rows


class Source:
    """A file of src: its text, and each countable line with its function and count."""

    def __init__(self, entry):
        self.path = entry["file"]
        self.room = self.path.split("/")[1]
        with open(self.path, encoding="utf-8") as file:
            self.text = [line.strip() for line in file]
        begins = sorted((f["lineno"], f["name"]) for f in entry["functions"])
        self.lines = collections.defaultdict(int)
        for line in entry["lines"]:
            if line["gcovr/noncode"] or line["gcovr/excluded"]:
                continue
            self.lines[line["line_number"]] += line["count"]
        self.function = {}
        for number in self.lines:
            names = [name for begin, name in begins if begin <= number]
            self.function[number] = names[-1] if names else ""

    def reached(self):
        return sum(count > 0 for count in self.lines.values())

    def runs(self):
        """(function, the line before, unreached lines that follow each other)."""
        before, run = None, []
        for number in sorted(self.lines) + [None]:
            ends = number is None or self.lines[number] > 0 or (
                run and self.function[number] != self.function[run[0]])
            if run and ends:
                yield self.function[run[0]], before, run
                run = []
            if number is not None and self.lines[number] == 0:
                if not run:
                    before = before if before and self.function[before] == self.function[number] else None
                run.append(number)
            else:
                before = number

    def explain(self, rows, function, before, run):
        """{line: row}.  A row whose text is in the line before the run explains all of it, and so does
        one whose text is in a line of a short run; of a long one, what begins there."""
        by = {}
        for row in rows:
            if not row.is_of(self.path, function):
                continue
            if row.text == "" or (before and row.text in self.text[before - 1]):
                begin = run[0]
            else:
                begin = next((n for n in run if row.text in self.text[n - 1]), None)
                if begin and len(run) <= SHORT_RUN:
                    begin = run[0]
            lines = [n for n in run if begin and n >= begin and n not in by]
            by.update({n: row for n in lines})
            row.lines += len(lines)
        return by


def percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


def table(sources, key):
    """Lines of text: reached and counted lines, and the share, of each key."""
    groups = collections.defaultdict(lambda: [0, 0])
    for s in sources:
        for k in (key(s), "all"):
            groups[k][0] += s.reached()
            groups[k][1] += len(s.lines)
    for k in sorted(groups, key=lambda k: (k == "all", k)):
        reached, lines = groups[k]
        yield "%-32s %6d of %6d lines  %5.1f %%" % (k, reached, lines, percent(reached, lines))


def main():
    lines_path, rows_path, report_path, failed = sys.argv[1:]
    failed, passed = int(failed), 0
    rows = read_rows(rows_path)
    with open(lines_path, encoding="utf-8") as file:
        sources = sorted((Source(e) for e in json.load(file)["files"]), key=lambda s: s.path)
    report = open(report_path, "w", encoding="utf-8")

    def both(text):
        print(text)
        print(text, file=report)

    for text in table(sources, lambda s: s.room):
        both(text)
    print("", *table(sources, lambda s: s.path), "", sep="\n", file=report)

    unexplained = explained = 0
    for s in sources:
        for function, before, run in s.runs():
            by = s.explain(rows, function, before, run)
            explained += len(by)
            missing = [n for n in run if n not in by]
            if missing:
                unexplained += len(missing)
                both("UNEXPLAINED: %s %s:" % (s.path, function))
                if before:
                    both("     %5d   %s" % (before, s.text[before - 1]))
                for n in missing:
                    both("     %5d   %s" % (n, s.text[n - 1]))
            for n in run:
                if n in by:
                    print("%s %s:%d: %s\n      (%s)" % (s.path, function, n, s.text[n - 1], by[n].reason),
                        file=report)
    for row in rows:
        in_source = any(fnmatch.fnmatch(s.path, row.file) and row.text in "\n".join(s.text) for s in sources)
        if row.lines == 0 and not (row.by_chance and in_source):
            failed += 1
            both("NEEDED NO MORE: line %d: %s" % (row.number, row))
        else:
            passed += 1
    reached, lines = sum(s.reached() for s in sources), sum(len(s.lines) for s in sources)
    enough = percent(reached, lines) >= LEAST_PERCENT
    both("%d unreached lines are explained, %d are not; %.1f %% of lines are reached, at least %d must be"
        % (explained, unexplained, percent(reached, lines), LEAST_PERCENT))
    failed += unexplained + (not enough)
    passed += enough
    both("%d passed, %d failed" % (passed, failed))
    report.close()
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
