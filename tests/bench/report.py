"""Makes results.md, results.json and plots of bench.sh's samples.

    python3 report.py DIRECTORY

DIRECTORY has samples.tsv and facts.tsv.  A figure is the median of its rounds,
with the smallest and the largest where they say more.  A ratio is the median of
the ratios of each round, since the subjects of one round met the same moment.
"""
import json
import os
import sys
from collections import defaultdict

import goals
import plots
from figures import median, ratio, short

REFERENCES = ("null", "plain", "static", "peer")

# What each system call of a request is for, as long as the pool makes it.
CALLS = {
    "epoll_wait": "a thread waits for a connection, or for a kept one to speak",
    "accept4": "takes the connection, of which web servers open one for each request; none on a kept one",
    "epoll_ctl": "the listener out of the set and in again: looks for another connection, and puts this process behind the others",
    "setsockopt": "a deadline before the look for the body's end, since libfcgi's read would block",
    "read": "all of the request; more where a web server sends it in pieces",
    "sendmsg": "headers, body and end in one; one more for each further 64 KB; what the daemon is asked",
    "close": "the connection; that to the daemon",
    "shutdown": "says that no more comes, where the web server may still be sending",
    "socket": "to ask the daemon, one for each question",
    "connect": "to the daemon",
    "poll": "waits for the daemon's answer, 250 ms at most",
    "recvfrom": "the daemon's answer, in one piece",
    "futex": "a thread waits for another one",
}


def read(path):
    """part → cell → subject → metric → values, in the order of the file."""
    parts = defaultdict(lambda: defaultdict(lambda: defaultdict(lambda: defaultdict(list))))
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            part, cell, subject, metric, value = line.rstrip("\n").split("\t")
            parts[part][cell][subject][metric].append(float(value))
    return parts


def read_facts(path):
    with open(path, encoding="utf-8") as lines:
        return dict(line.rstrip("\n").split("\t", 1) for line in lines)


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def with_spread(values):
    if not values:
        return ""
    if len(values) == 1 or min(values) == max(values):
        return short(median(values))
    return f"{short(median(values))} ({short(min(values))}–{short(max(values))})"


def pair(ours, null):
    return "" if not ours else short(median(ours)) + (f" / {short(median(null))}" if null else "")


def requests_table(cells):
    references = [r for r in REFERENCES if any(r in c for c in cells.values())]
    rows = []
    for name, cell in cells.items():
        ours, null = cell["ours"], cell.get("null", {})
        row = name.split(", ")
        row[1] = f"{int(row[1].split()[0]):,}"
        row[2] = row[2].split()[0]
        row.append(with_spread(ours["rate"]))
        for reference in references:
            r = ratio(ours["rate"], cell[reference]["rate"]) if reference in cell else None
            row.append("" if r is None else f"{r:.2f}")
        row += [with_spread(ours["median_ms"]), with_spread(ours["p99_ms"]),
                pair(ours["pool_us"], null.get("pool_us")),
                pair(ours["web_us"], null.get("web_us"))]
        rows.append(row)
    head = ["request", "products", "connections", "behind", "requests/s (least–most)"]
    head += [f"÷ {r}" for r in references]
    head += ["median ms", "p99 ms", "pool µs / null", "web server µs / before null"]
    return table(head, rows)


def errors_line(cells):
    asked, wrong = 0, []
    for name, cell in cells.items():
        for subject, metrics in cell.items():
            asked += sum(metrics["requests"])
            errors = sum(metrics["errors"])
            if errors:
                wrong.append(f"{errors:,.0f} of {sum(metrics['requests']):,.0f} of {subject} in “{name}”")
    return f"Answers that were not what was asked for, or never came: {'; '.join(wrong) or 'none'}," \
           f" of {asked:,.0f} requests to all subjects.\n"


def costs_tables(cells):
    rows, calls = [], {}
    for name, cell in cells.items():
        ours = cell["ours"]
        counts = {m[6:]: v[0] for m, v in ours.items() if m.startswith("calls:")}
        everything = counts.pop("all", None)
        for call, count in counts.items():
            calls.setdefault(call, {})[name] = count
        own, null = ours.get("instructions"), cell.get("null", {}).get("instructions")
        rows.append([name, with_spread(own or []), with_spread(null or []),
                     f"{own[0] / null[0]:.2f}" if own and null else "",
                     "" if everything is None else f"{everything:g}"])
    text = table(["request", "instructions", "of null", "ratio", "system calls"], rows)
    if calls:
        text += "\n" + table(["system call"] + list(cells) + ["what for"], [
            [f"`{call}`"] + [f"{counts.get(n, 0):g}" for n in cells] + [CALLS.get(call, "**not explained**")]
            for call, counts in sorted(calls.items())])
    return text


def figure(metric, values):
    """The unit is the end of the metric's name: most_RssAnon_kB, products_per_s, ms."""
    name, _, unit = metric.rpartition("_")
    if unit in ("ms", "kB"):
        return f"{name.replace('_', ' ')} {with_spread(values)} {unit}".lstrip()
    if metric.endswith("_per_s"):
        return f"{with_spread(values)} {metric[:-6]} a second"
    return f"{metric.replace('_us_', ' µs ').replace('_', ' ')} {with_spread(values)}"


def plain_table(cells):
    rows = [[name, subject, "; ".join(figure(m, v) for m, v in metrics.items())]
            for name, cell in cells.items() for subject, metrics in cell.items()]
    return table(["what", "of", "median (least–most)"], rows)


def head_of(facts, parts):
    seconds = {part: cell["ours"]["s"][0] for part, cell in parts["time"].items()}
    each = ", ".join(f"{part} {s:.0f}" for part, s in seconds.items())
    return f"{facts['date']}, commit {facts['commit']}, {facts['size']} size, on {facts['machine']}, " \
           f"which clients, web server, pool, daemon and simulated Central share. {facts['versions']}. " \
           f"Pool: {facts['pool']}. It took {sum(seconds.values()) / 60:.1f} minutes (seconds: {each}).\n"


def sections(parts, facts):
    yield head_of(facts, parts)
    held = goals.look(parts, facts)
    if held:
        yield "### Goals\n"
        yield table(["goal", "measured", "held"], held)
    if "requests" in parts:
        yield "### Requests\n"
        yield requests_table(parts["requests"])
        yield errors_line(parts["requests"])
    if "costs" in parts:
        yield "### What a request costs in the pool\n"
        yield costs_tables(parts["costs"])
    titles = {
        "sizes": "The same page of three catalogues",
        "scale": f"At {int(facts['most']):,} products",
        "sync": f"Keeping in step, {int(facts['most']):,} products",
        "growth": "Growth of the data file",
    }
    for part, title in titles.items():
        if part in parts:
            yield f"### {title}\n"
            yield plain_table(parts[part])


def main():
    out, = sys.argv[1:]
    parts = read(os.path.join(out, "samples.tsv"))
    facts = read_facts(os.path.join(out, "facts.tsv"))
    text = "\n".join(sections(parts, facts))
    with open(os.path.join(out, "results.md"), "w", encoding="utf-8") as f:
        f.write(text)
    with open(os.path.join(out, "results.json"), "w", encoding="utf-8") as f:
        json.dump({"facts": facts, "parts": parts}, f, indent=1)
    plots.draw(parts, out, facts)
    print(text)


main()
