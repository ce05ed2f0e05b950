"""Makes results.md, results.json and plots of bench.sh's samples.

    python3 report.py SAMPLES.tsv DIRECTORY

A figure is the median of its rounds, with the smallest and the largest where
they say more.  A ratio is the median of the ratios of each round, since the
subjects of one round met the same moment.
"""
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections import defaultdict

SUBJECTS = ("null", "plain", "static", "peer")


def read(path):
    """part → cell → subject → metric → values, in the order of the file."""
    parts = defaultdict(lambda: defaultdict(lambda: defaultdict(lambda: defaultdict(list))))
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            part, cell, subject, metric, value = line.rstrip("\n").split("\t")
            parts[part][cell][subject][metric].append(float(value))
    return parts


def short(value):
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def ratio(ours, other):
    pairs = [a / b for a, b in zip(ours, other) if b]
    return statistics.median(pairs) if pairs else None


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def requests_table(cells):
    subjects = [s for s in SUBJECTS if any(s in c for c in cells.values())]
    rows = []
    for name, cell in cells.items():
        ours = cell["ours"]
        rate = ours["rate"]
        row = [name, f"{short(statistics.median(rate))} ({short(min(rate))}–{short(max(rate))})"]
        for subject in subjects:
            r = ratio(rate, cell[subject]["rate"]) if subject in cell else None
            row.append("" if r is None else f"{r:.2f}")
        for metric in ("median_ms", "p99_ms", "pool_us", "web_us"):
            row.append(short(statistics.median(ours[metric])) if ours[metric] else "")
        rows.append(row)
    head = ["cell", "requests/s (least–most)"] + [f"÷ {s}" for s in subjects]
    return table(head + ["median ms", "p99 ms", "pool µs", "web server µs"], rows)


def costs_table(cells):
    rows = []
    for name, cell in cells.items():
        ours = cell["ours"]
        calls = {m[6:]: v[0] for m, v in ours.items() if m.startswith("calls:")}
        everything = calls.pop("all", None)
        listed = ", ".join(f"{c} {n:g}" for c, n in sorted(calls.items(), key=lambda i: -i[1]))
        own = ours["instructions"][0] if ours["instructions"] else None
        null = cell["null"]["instructions"][0] if "null" in cell else None
        rows.append([name, "" if own is None else f"{own:,.0f}",
                     "" if null is None else f"{null:,.0f}",
                     f"{own / null:.2f}" if own and null else "",
                     "" if everything is None else f"{everything:g}", listed])
    return table(["request", "instructions", "null", "ratio", "system calls", "which"], rows)


def plain_table(cells):
    rows = []
    for name, cell in cells.items():
        for metric, values in cell["ours"].items():
            what = metric.replace("_per_s", " a second").replace("_", " ")
            spread = f"{short(min(values))}–{short(max(values))}" if len(values) > 1 else ""
            rows.append([name, what, short(statistics.median(values)), spread])
    return table(["what", "unit", "median", "least–most"], rows)


def plot(cells, out):
    """A bar for each cell and reference: ours divided by it."""
    if not shutil.which("gnuplot"):
        return
    data = os.path.join(out, "ratios.tsv")
    with open(data, "w", encoding="utf-8") as f:
        for name, cell in cells.items():
            values = [ratio(cell["ours"]["rate"], cell[s]["rate"]) if s in cell else None
                      for s in SUBJECTS[:3]]
            f.write("\t".join([name] + ["?" if v is None else f"{v:.3f}" for v in values]) + "\n")
    script = f"""
set terminal svg size 1100,700 font "sans,11"
set output "{os.path.join(out, 'ratios.svg')}"
set datafile separator "\\t"
set datafile missing "?"
set style data histograms
set style fill solid 0.8
set ylabel "requests a second, ours divided by"
set yrange [0:*]
set grid y
set key top left
set xtics rotate by -40
set bmargin 12
plot "{data}" using 2:xtic(1) title "null", "" using 3 title "plain libfcgi", \\
     "" using 4 title "static file", 1 with lines dashtype 2 linecolor "black" notitle
"""
    subprocess.run(["gnuplot"], input=script, text=True, check=False)


def main():
    samples, out = sys.argv[1:]
    parts = read(samples)
    text = []
    if "requests" in parts:
        text += ["## Requests\n", requests_table(parts["requests"])]
        errors = sum(v for c in parts["requests"].values() for s, m in c.items() if s == "null"
                     for v in m["errors"])
        if errors:
            text.append(f"{errors:g} answers of the null responder were none.\n")
        plot(parts["requests"], out)
    if "costs" in parts:
        text += ["## Costs of a request in the pool\n", costs_table(parts["costs"])]
    for part, title in (("scale", "## At 1,000,000 products\n"), ("growth", "## Growth\n")):
        if part in parts:
            text += [title, plain_table(parts[part])]
    lines = os.path.join(out, "sync.txt")
    if os.path.exists(lines) and "scale" in parts:
        with open(lines, encoding="utf-8") as f:
            text += ["## Keeping in step\n"] + [f"- {line.strip()}\n" for line in f]
    with open(os.path.join(out, "results.md"), "w", encoding="utf-8") as f:
        f.write("\n".join(text))
    with open(os.path.join(out, "results.json"), "w", encoding="utf-8") as f:
        json.dump(parts, f, indent=1)
    print("\n".join(text))


main()
