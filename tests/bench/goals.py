"""The goals, what was measured of each, and whether it held.

They are looked at, not enforced: no test of ours fails because a machine is slow.
"""
from figures import median, ratio, short

SERVERS = ("lighttpd", "nginx", "apache")


def value(parts, part, cell, metric, subject="ours"):
    """The median, or None where that wasn't measured."""
    values = parts.get(part, {}).get(cell, {}).get(subject, {}).get(metric)
    return median(values) if values else None


def row(goal, measured, held):
    return [goal, measured, "" if held is None else "yes" if held else "**no**"]


def rates(parts, facts):
    for request, least in (("one product", 0.95), ("page of 50", 0.85)):
        for server in SERVERS:
            cell = parts.get("requests", {}).get(
                f"{request}, {facts['products']} products, 16 connections, {server}")
            r = ratio(cell["ours"]["rate"], cell["null"]["rate"]) if cell and "null" in cell else None
            if r is not None:
                yield row(f"{request} behind {server}: ≥ {least:g} of the null responder's rate",
                          f"{r:.2f}", r >= least)


def costs(parts, _):
    for request in ("one product", "page of 50"):
        own = value(parts, "costs", request, "instructions")
        null = value(parts, "costs", request, "instructions", "null")
        if own and null:
            yield row(f"{request}: ≤ 2 × the null responder's instructions",
                      f"{own:,.0f} / {null:,.0f} = {own / null:.2f}", own <= 2 * null)
    for request in parts.get("costs", {}):
        calls = value(parts, "costs", request, "calls:all")
        # A status asks the daemon besides, which is a connection more.
        if calls and request != "sync status":
            yield row(f"{request}: ≤ 12 system calls, each explained", f"{calls:g}", calls <= 12)


def sizes(parts, facts):
    cells = parts.get("sizes", {})
    small = cells.get("page of 50, 150 products", {}).get("ours", {})
    for n in (facts["products"], facts["most"]):
        many = cells.get(f"page of 50, {n} products", {}).get("ours", {})
        goal = f"page of 50 at {int(n):,} products: ≤ 1.2 × that at 150"
        if small.get("rate") and many.get("rate"):
            times = ratio(small["rate"], many["rate"])
            yield row(f"{goal}, by rate", f"{times:.2f}", times <= 1.2)
        if small.get("instructions") and many.get("instructions"):
            times = many["instructions"][0] / small["instructions"][0]
            yield row(f"{goal}, by instructions", f"{times:.2f}", times <= 1.2)


def position(parts, _):
    cell = "page of 50 by offset, products coming and going"
    random, first = (value(parts, "scale", cell, m) for m in ("random_median_ms", "first_median_ms"))
    events, us = (value(parts, "scale", cell, m) for m in ("events_per_s", "daemon_us_per_event"))
    if random and first:
        yield row("page at a random offset: ≤ 2 × the first page, with 1,000 creates and deletes a second",
                  f"{random:.3f} / {first:.3f} ms = {random / first:.2f}, with {short(events)} a second; "
                  f"{short(us)} µs of the daemon for each", random <= 2 * first and events >= 1000)


def walk(parts, _):
    for n in (1, 4):
        cell = f"walk by after= at 200 a page, connections: {n}"
        products = value(parts, "scale", cell, "products_per_s")
        static = value(parts, "scale", cell, "pages_per_s", "static")
        if products and static:
            yield row(f"walk over all by after=, connections: {n}: > 500,000 products a second",
                      f"{products:,.0f}; the same client gets a file of that size {static:,.0f} times a "
                      f"second, which would be {200 * static:,.0f}", products > 500000)


def restarts(parts, _):
    for cell, most in (("restart of the pool to its first answer", 100),
                       ("restart of the daemon until live", 1000)):
        ms = value(parts, "scale", cell, "ms")
        if ms is not None:
            yield row(f"{cell}: < {most:,} ms", f"{short(ms)} ms", ms < most)


def memory(parts, _):
    for what, part, cell, metric, most in (
            ("a worker", "scale", "memory of a worker", "RssAnon_kB", 16),
            ("the daemon, idle", "scale", "memory of the daemon, idle", "RssAnon_kB", 32),
            ("the daemon in a full sync", "sync", "full sync, an empty store", "most_RssAnon_kB", 100),
            ("the daemon in a full sync beside readers", "sync", "full sync, beside readers",
             "most_RssAnon_kB", 100)):
        values = parts.get(part, {}).get(cell, {}).get("ours", {}).get(metric)
        if values:
            yield row(f"private memory of {what}: < {most} MB", f"{max(values) / 1024:.1f} MB",
                      max(values) < most * 1024)


def growth(parts, _):
    for cell in parts.get("growth", {}):
        grown, compacted, syncs = (value(parts, "growth", cell, m)
                                   for m in ("file_kB", "compacted_kB", "full_syncs"))
        if grown and compacted:
            yield row(f"after {cell}, with readers: ≤ 2.5 × the compacted size",
                      f"{grown:,.0f} / {compacted:,.0f} kB = {grown / compacted:.2f}"
                      + (f", but with {syncs:.0f} full syncs" if syncs else ""),
                      grown <= 2.5 * compacted and not syncs)


def paced(parts, _):
    for cell in parts.get("sync", {}):
        p99 = value(parts, "sync", cell, "p99_ms")
        if cell.startswith("500 GETs a second") and p99 is not None:
            figure = {m: value(parts, "sync", cell, m) for m in ("median_ms", "failed", "late", "unsent")}
            yield row(f"{cell}: reported",
                      f"median {figure['median_ms']:.2f} ms, p99 {p99:.2f} ms; {figure['failed']:.0f} failed, "
                      f"{figure['late']:.0f} sent late, {figure['unsent']:.0f} not sent", None)


def look(parts, facts):
    return [r for part in (rates, costs, sizes, position, walk, restarts, memory, growth, paced)
            for r in part(parts, facts)]
