"""SVG plots of what results.md has as tables, by gnuplot; none without it."""
import os
import shutil
import subprocess

from figures import median, ratio

REFERENCES = ("null", "plain", "static")

HEAD = """
set terminal svg size 1100,650 font "sans,12" background rgb "white"
set output "{svg}"
set datafile separator "\\t"
set datafile missing "?"
set grid y
"""

RATIOS = """
set style data histograms
set style fill solid 0.8
set ylabel "requests a second, ours divided by"
set yrange [0:*]
set key top right
set xtics rotate by -40
set bmargin 9
set rmargin 16
plot "{data}" using 2:xtic(1) title "null", "" using 3 title "plain libfcgi", \\
     "" using 4 title "static file", 1 with lines dashtype 2 linecolor "black" notitle
"""

SIZES = """
set logscale x
set xlabel "products"
set ylabel "requests a second: page of 50, 16 connections, lighttpd"
set y2label "instructions in the pool"
set yrange [0:*]
set y2range [0:*]
set ytics nomirror
set y2tics
set key bottom right
plot "{data}" using 1:2:3:4 with yerrorlines title "requests a second", \\
     "" using 1:5 axes x1y2 with linespoints title "instructions (right)"
"""

CONNECTIONS = """
set logscale xy
set xlabel "connections"
set ylabel "milliseconds"
set xtics (1, 16, 64, 256)
set key top left
plot "{data}" using 1:2 with linespoints title "one product, median", \\
     "" using 1:3 with linespoints title "one product, p99", \\
     "" using 1:4 with linespoints title "page of 50, median", \\
     "" using 1:5 with linespoints title "page of 50, p99"
"""


def plot(out, name, script, rows):
    data, svg = (os.path.join(out, f"{name}.{ext}") for ext in ("tsv", "svg"))
    with open(data, "w", encoding="utf-8") as f:
        for row in rows:
            f.write("\t".join("?" if v is None else str(v) for v in row) + "\n")
    subprocess.run(["gnuplot"], input=(HEAD + script).format(data=data, svg=svg), text=True, check=False)


def ratios(cells, products):
    """A group of bars for each cell that has references, named by what is unlike the usual."""
    usual = (f"{products} products", "16 connections", "lighttpd")
    for name, cell in cells.items():
        if "null" in cell:
            label = ", ".join(word for word in name.split(", ") if word not in usual)
            yield [label] + [ratio(cell["ours"]["rate"], cell[r]["rate"]) if r in cell else None
                            for r in REFERENCES]


def sizes(cells):
    for name, cell in cells.items():
        rate, instructions = cell["ours"]["rate"], cell["ours"].get("instructions")
        if rate:
            yield [int(name.split(", ")[1].split()[0]), median(rate), min(rate), max(rate),
                   instructions[0] if instructions else None]


def connections(cells, products):
    """Of the two requests that are asked with each number of connections."""
    for n in (1, 16, 64, 256):
        row = [n]
        for request in ("one product", "page of 50"):
            cell = cells.get(f"{request}, {products} products, {n} connections, lighttpd")
            row += [median(cell["ours"][m]) for m in ("median_ms", "p99_ms")] if cell else [None, None]
        if row.count(None) == 0:
            yield row


def draw(parts, out, facts):
    if not shutil.which("gnuplot"):
        return
    wanted = {
        "ratios": (RATIOS, list(ratios(parts.get("requests", {}), facts["products"]))),
        "sizes": (SIZES, sorted(sizes(parts.get("sizes", {})))),
        "connections": (CONNECTIONS, list(connections(parts.get("requests", {}), facts["products"]))),
    }
    for name, (script, rows) in wanted.items():
        if len(rows) > 1:
            plot(out, name, script, rows)
