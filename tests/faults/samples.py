"""What a store holds over time: memory, descriptors, threads, files, reader slots.
Standard library alone.

    python3 samples.py take DIR WEB DATA-DIR SECONDS FILE
    python3 samples.py judge FILE

`take` looks every SECONDS until it is ended and writes rows of second, series,
whose (a process or a generation of the store), its age in seconds, value.  `judge`
says of each series whether it is flat: the median of its last third stands above
that of its first by no more than the series may (SERIES), and no value is above
its ceiling.
Processes and generations come and go, so what they hold is ordered by their age,
those of all of a kind together.  What is younger than WARM_UP is left out.  The
last line is `N passed, N failed`.
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
    "store file_bytes": (0.5, 1 << 20, 64 << 20),
    "store generations": (0, 1, 3),
    "store readers": (0, 4, 32),
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


def judge(series, points):
    """(is it flat, words)"""
    share, beside, ceiling = SERIES[series]
    points = sorted(point for point in points if point[0] >= WARM_UP)
    if len(points) < ENOUGH:
        return False, f"{len(points)} samples are not enough"
    values = [value for _, value in points]
    third = len(values) // 3
    first, last = statistics.median(values[:third]), statistics.median(values[-third:])
    words = f"{first:g}, in the end {last:g}, at most {max(values):g} ({len(values)} samples, up to {points[-1][0]:.0f} s)"
    return last <= first * (1 + share) + beside and max(values) <= ceiling, words


def judge_all(file):
    points = {series: [] for series in SERIES}
    with open(file, encoding="utf-8") as lines:
        for line in lines.readlines()[1:]:
            _, series, _, age, value = line.rstrip("\n").split("\t")
            if series in points:
                points[series].append((float(age), float(value)))
    failed = 0
    for series, those in points.items():
        flat, words = judge(series, those)
        failed += not flat
        print(f"{'' if flat else 'FAILED: not flat: '}{series}: {words}")
    print(f"{len(points) - failed} passed, {failed} failed")


if __name__ == "__main__":
    if sys.argv[1] == "take":
        Taker(*sys.argv[2:]).run()
    else:
        judge_all(sys.argv[2])
