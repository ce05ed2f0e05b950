"""What a store holds over time: memory, descriptors, threads, files, reader slots.
Standard library alone.

    python3 samples.py take DIR WEB DATA-DIR SECONDS FILE
    python3 samples.py judge FILE [SECOND]

`take` looks every SECONDS until it is ended and writes rows of second, series,
whose (a process or a generation of the store), its age in seconds, value.  `judge`
says of each series whether it is flat: the median of its last third stands above
that of its first by no more than the series may (SERIES), and no value is above
its ceiling.
Processes and generations come and go, so what they hold is ordered by their age,
those of all of a kind together.  What is younger than WARM_UP is left out.
Since SECOND none has come or gone: from there on each process by itself, and the
store, is judged in the order of time and by stricter limits (OLD).  There the first
third is for growing up, and the last is held against the one before it.
The last line is `N passed, N failed`.
"""
import os
import re
import statistics
import sys
import time
import urllib.request

WARM_UP, ENOUGH = 3, 6

# Of one process or generation: how much more the last third may be (a share, and so much
# beside), and what no value is above.
SERIES = {
    "daemon rss_anon_kb": (0.3, 1024, 65536),
    "daemon descriptors": (0, 8, 64),
    "daemon threads": (0, 4, 64),
    "worker rss_anon_kb": (0.3, 1024, 65536),
    "worker descriptors": (0, 8, 64),
    "worker threads": (0, 1, 16),
    "supervisor rss_anon_kb": (0.3, 512, 65536),
    "supervisor descriptors": (0, 4, 64),
    "supervisor threads": (0, 0, 1),
    "store file_bytes": (0.5, 1 << 20, 64 << 20),
    "store generations": (0, 1, 3),
    "store readers": (0, 4, 32),
}
# The same of those that have grown old.  Reader slots: one for each of soak.sh's threads,
# when it has read for the first time, and two for tools.
OLD = {
    "daemon rss_anon_kb": (0, 256, 16384),
    "daemon descriptors": (0, 2, 64),
    "daemon threads": (0, 0, 8),
    "worker rss_anon_kb": (0, 128, 16384),
    "worker descriptors": (0, 2, 64),
    "worker threads": (0, 0, 16),
    "supervisor rss_anon_kb": (0, 64, 16384),
    "supervisor descriptors": (0, 0, 64),
    "supervisor threads": (0, 0, 1),
    "store file_bytes": (0.1, 1 << 16, 64 << 20),
    "store generations": (0, 0, 3),
    "store readers": (0, 16, 18),
}


def text_of(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


class Taker:
    def __init__(self, directory, web, data_dir, seconds, file):
        self.directory, self.web, self.data_dir = directory, web, data_dir
        self.seconds, self.began = float(seconds), time.time()
        self.seen = {}  # generations: when for the first time
        self.out = open(file, "w", encoding="utf-8")
        self.row("second", "series", "whose", "age", "value")

    def row(self, *words):
        self.out.write("\t".join(str(word) for word in words) + "\n")

    def process(self, kind, pid):
        directory = f"/proc/{pid}"
        status = text_of(directory + "/status")
        try:
            # The name in front may hold anything.
            started = float(text_of(directory + "/stat").rpartition(")")[2].split()[19])
            count = len(os.listdir(directory + "/fd"))
        except (OSError, IndexError):
            return
        age = float(text_of("/proc/uptime").split()[0]) - started / os.sysconf("SC_CLK_TCK")
        for name, word, value in (("rss_anon_kb", "RssAnon", None), ("threads", "Threads", None),
                                  ("descriptors", None, count)):
            if word:
                found = re.search(rf"^{word}:\s*(\d+)", status, re.M)
                value = found and found.group(1)
            if value is not None:
                self.value(f"{kind} {name}", pid, age, value)

    def value(self, series, whose, age, value):
        self.row(f"{time.time() - self.began:.1f}", series, whose, f"{age:.1f}", value)

    def processes(self):
        daemon = text_of(self.directory + "/daemon.pid").strip()
        pool = text_of(self.directory + "/pool.pid").strip()
        if daemon:
            self.process("daemon", daemon)
        if pool:
            self.process("supervisor", pool)
            for worker in text_of(f"/proc/{pool}/task/{pool}/children").split():
                self.process("worker", worker)

    def store(self):
        try:
            current = os.readlink(self.data_dir + "/current")
            size = os.stat(f"{self.data_dir}/{current}/data.mdb").st_size
            names = os.listdir(self.data_dir)
        except OSError:
            return
        age = time.time() - self.seen.setdefault(current, time.time())
        self.value("store file_bytes", current, age, size)
        self.value("store generations", "all", time.time() - self.began,
                   sum(name.startswith("store-") for name in names))
        try:
            with urllib.request.urlopen(self.web + "/metrics", timeout=5) as answer:
                metrics = answer.read().decode()
        except (OSError, ValueError):
            return
        found = re.search(r"^store_api_readers (\d+)", metrics, re.M)
        if found:
            self.value("store readers", current, age, found.group(1))

    def run(self):
        while True:
            self.processes()
            self.store()
            self.out.flush()
            time.sleep(self.seconds)


def judge(values, limits, before=0):
    """(is it flat, words); the last third is held against the first one (before=0) or the middle one (1)"""
    share, beside, ceiling = limits
    if len(values) < ENOUGH:
        return False, f"{len(values)} samples are not enough"
    third = len(values) // 3
    first, last = statistics.median(values[before * third:][:third]), statistics.median(values[-third:])
    words = f"{first:g}, in the end {last:g}, at most {max(values):g} ({len(values)} samples)"
    return last <= first * (1 + share) + beside and max(values) <= ceiling, words


def rows(file):
    """(second, series, whose, age, value)"""
    with open(file, encoding="utf-8") as lines:
        for line in lines.readlines()[1:]:
            second, series, whose, age, value = line.rstrip("\n").split("\t")
            yield float(second), series, whose, float(age), float(value)


def by_age(file, until):
    """{series: values}"""
    points = {series: [] for series in SERIES}
    for second, series, _, age, value in rows(file):
        if age >= WARM_UP and second < until:
            points[series].append((age, value))
    return {series: [value for _, value in sorted(those)] for series, those in points.items()}


def by_time(file, since):
    """{(series, process or nothing): values}"""
    points = {}
    for second, series, whose, _, value in rows(file):
        if second >= since:
            process = "" if series.startswith("store") else whose
            points.setdefault((series, process), []).append(value)
    return points


def judge_all(file, since="inf"):
    since = float(since)
    judged = [(series, judge(values, SERIES[series])) for series, values in by_age(file, since).items()]
    judged += [(f"old: {series} {whose}".rstrip(), judge(values, OLD[series], 1))
               for (series, whose), values in by_time(file, since).items()]
    failed = 0
    for name, (flat, words) in judged:
        failed += not flat
        print(f"{'' if flat else 'FAILED: not flat: '}{name}: {words}")
    print(f"{len(judged) - failed} passed, {failed} failed")


if __name__ == "__main__":
    if sys.argv[1] == "take":
        Taker(*sys.argv[2:]).run()
    else:
        judge_all(*sys.argv[2:])
