"""How figures are made of samples, and written."""
from statistics import median


def short(value):
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def ratio(ours, other):
    pairs = [a / b for a, b in zip(ours, other) if b]
    return median(pairs) if pairs else None
