"""What GET /metrics says, read by the parser of Prometheus' own client library.

    python3 metrics.py check SCRAPE OPENAPI   the series of the contract, all of them and no others
    python3 metrics.py used SCRAPE FILE…      dashboards (JSON) and rules (YAML) ask only for what there is

Both end with `N passed, N failed`.
"""
import json
import math
import re
import sys

from prometheus_client.parser import text_string_to_metric_families

BUCKETS = ["0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.1", "1", "10", "+Inf"]
REASONS = "initial forced offset_gone offset_reset event_gap breaker_open store_rebuilt verify_mismatch".split()
CLASSES = "connect timeout http_5xx rate_limited auth bad_answer storage".split()
REQUESTS = "store_api_http_requests_total"
DURATION = "store_api_http_request_duration_seconds"

# Name, type, and its labels with all their words.
SINGLE = [
    ("store_api_http_response_bytes_total", "counter", {}),
    ("store_api_cache_age_seconds", "gauge", {}),
    ("store_api_event_offset", "gauge", {}),
    ("store_api_products", "gauge", {}),
    ("store_api_products_rejected", "gauge", {}),
    ("store_api_sync_state", "gauge", {"state": "starting live retrying fallback stopped".split()}),
    ("store_api_verify_timestamp_seconds", "gauge", {}),
    ("store_api_verify_products", "gauge", {"result": ["differed", "mended"]}),
    ("store_api_events_total", "counter", {"result": "applied stale repaired".split()}),
    ("store_api_sync_failures_total", "counter", {"class": CLASSES}),
    ("store_api_full_syncs_total", "counter", {"reason": REASONS, "result": ["ok", "failed"]}),
    ("store_api_writes_total", "counter", {"outcome": "applied refused not_sent not_applied unknown".split()}),
    ("store_api_store_used_bytes", "gauge", {}),
    ("store_api_store_limit_bytes", "gauge", {}),
    ("store_api_readers", "gauge", {}),
    ("store_api_readers_max", "gauge", {}),
    ("store_api_workers", "gauge", {}),
    ("store_api_worker_restarts_total", "counter", {}),
    ("store_api_resident_bytes", "gauge", {"process": ["pool", "daemon"]}),
]


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def key(name, labels):
    return name + "{" + ",".join('%s="%s"' % l for l in sorted(labels.items())) + "}"


def samples(path):
    """Series → value; and the families."""
    found, families = {}, list(text_string_to_metric_families(read(path)))
    for family in families:
        for sample in family.samples:
            series = key(sample.name, sample.labels)
            if series in found:
                raise ValueError("a series twice: " + series)
            found[series] = sample.value
    return found, families


def combinations(labels):
    result = [{}]
    for label, words in labels.items():
        result = [dict(r, **{label: word}) for r in result for word in words]
    return result


class Checks:
    def __init__(self):
        self.counts = [0, 0]

    def say(self, name, errors):
        self.counts[bool(errors)] += 1
        for error in errors:
            print("FAILED: %s: %s" % (name, error))

    def end(self):
        print("%d passed, %d failed" % tuple(self.counts))


# ---- check


def described(openapi):
    """(route, method, code) of the description."""
    for route, operations in json.loads(read(openapi))["paths"].items():
        for method, operation in operations.items():
            for code in operation.get("responses", {}) if isinstance(operation, dict) else ():
                yield route, method.upper(), code


def check_requests(found, openapi, checks):
    wanted = set(described(openapi))
    routes = {r for r, _, _ in wanted} | {"other"}
    series = {k for k in found if k.startswith(REQUESTS + "{")}
    missing = [w for w in wanted if key(REQUESTS, dict(zip(("route", "method", "code"), w))) not in series]
    checks.say("requests: each route, method and code of the description", sorted(missing))
    expected = {key(REQUESTS, dict(zip(("route", "method", "code"), w))) for w in wanted}
    more = [s for s in series - expected if '"other"' not in s and 'code="401"' not in s and 'code="405"' not in s]
    checks.say("requests: and no other words", sorted(more))
    other = [r for r in routes if key(REQUESTS, {"route": r, "method": "other", "code": "other"}) not in series]
    checks.say("requests: `other` of each route", other)
    return series, routes


def check_histogram(found, routes, checks):
    series = set()
    for route in sorted(routes):
        buckets = [key(DURATION + "_bucket", {"route": route, "le": le}) for le in BUCKETS]
        count, total = key(DURATION + "_count", {"route": route}), key(DURATION + "_sum", {"route": route})
        values = [found.get(b, math.nan) for b in buckets]
        series |= set(buckets) | {count, total}
        checks.say("durations of " + route, [
            e for e, bad in [
                ("a bucket is missing", any(math.isnan(v) for v in values)),
                ("buckets don't grow", values != sorted(values)),
                ("+Inf is not the count", values[-1] != found.get(count)),
                ("no sum", not found.get(total, -1) >= 0)] if bad])
        asked = sum(v for k, v in found.items() if k.startswith(REQUESTS + "{") and 'route="%s"' % route in k)
        checks.say("as many durations as requests of " + route, [] if asked == values[-1] else [asked])
    return series


def check(scrape, openapi):
    found, families = samples(scrape)
    checks = Checks()
    types = {f.name + ("_total" if f.type == "counter" else ""): f for f in families}
    expected, routes = check_requests(found, openapi, checks)
    expected |= check_histogram(found, routes, checks)
    for name, kind, labels in SINGLE + [(REQUESTS, "counter", None), (DURATION, "histogram", None)]:
        family = types.get(name)
        checks.say(name + ": its type", [] if family and family.type == kind else [family and family.type])
        checks.say(name + ": a line of help", [] if family and family.documentation else ["none"])
        series = {key(name, c) for c in combinations(labels)} if labels is not None else set()
        checks.say(name + ": every series", sorted(series - set(found)))
        expected |= series
    version = [k for k in found if k.startswith("store_api_build_info{version=") and found[k] == 1]
    checks.say("build_info", [] if len(version) == 1 else version)
    checks.say("nothing else", sorted(set(found) - expected - set(version)))
    states = [v for k, v in found.items() if k.startswith("store_api_sync_state{")]
    checks.say("one state at a time", [] if sorted(states) == [0, 0, 0, 0, 1] else states)
    checks.end()


# ---- used

FOREIGN = {"job", "instance", "le"}  # labels that Prometheus adds, or that only quantiles read
SELECTOR = re.compile(r"\b(store_api_\w+)\s*(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')


def expressions(path):
    """(where, expression) of a dashboard or of rules."""
    if path.endswith(".json"):
        found = []

        def walk(node, where):
            if isinstance(node, dict):
                where = node.get("title", where)
                for name, v in node.items():
                    if name in ("expr", "query", "definition") and isinstance(v, str):
                        found.append((where, v))
                    walk(v, where)
            elif isinstance(node, list):
                for v in node:
                    walk(v, where)

        walk(json.loads(read(path)), "")
        return found
    import yaml

    groups = yaml.safe_load(read(path))["groups"]
    return [(r.get("alert") or r["record"], str(r["expr"])) for g in groups for r in g["rules"]]


def selector_errors(labels_of, name, matchers):
    if name not in labels_of:
        return ["there is no " + name]
    errors = []
    for label, operator, word in MATCHER.findall(matchers or ""):
        if label in FOREIGN:
            continue
        there = labels_of[name].get(label, set())
        for part in word.split("|") if "~" in operator else [re.escape(word)]:
            if not any(re.fullmatch(part, w) for w in there):
                errors.append('%s has no %s="%s"' % (name, label, part))
    return errors


def group_errors(labels_of, expression):
    labels = set(FOREIGN)
    for name, _ in SELECTOR.findall(expression):
        labels |= set(labels_of.get(name, {}))
    asked = [l.strip() for g in re.findall(r"\bby\s*\(([^)]*)\)", expression) for l in g.split(",")]
    return ["nothing here has a label " + l for l in asked if l and l not in labels]


def rule_errors(rule):
    wanted = [rule.get("for") is not None, rule.get("labels", {}).get("severity") in ("critical", "warning"),
              bool(rule.get("annotations", {}).get("summary")), bool(rule.get("annotations", {}).get("description"))]
    return [] if all(wanted) else ["lacks for, a severity, a summary or a description"]


def used(scrape, *paths):
    labels_of, checks = {}, Checks()
    for family in samples(scrape)[1]:
        for sample in family.samples:
            of = labels_of.setdefault(sample.name, {})
            for label, word in sample.labels.items():
                of.setdefault(label, set()).add(word)
    for path in paths:
        found = expressions(path)
        checks.say(path + ": has expressions", [] if len(found) > 5 else [len(found)])
        for where, expression in found:
            bad = [] if expression.count("(") == expression.count(")") else ["brackets"]
            for name, matchers in SELECTOR.findall(expression):
                bad += selector_errors(labels_of, name, matchers)
            checks.say("%s: %s" % (path, where), bad + group_errors(labels_of, expression))
        if path.endswith((".yaml", ".yml")):
            import yaml

            rules = [r for g in yaml.safe_load(read(path))["groups"] for r in g["rules"] if "alert" in r]
            for rule in rules:
                checks.say("%s: %s" % (path, rule["alert"]), rule_errors(rule))
            names = [r["alert"] for r in rules]
            checks.say(path + ": names", [n for n in names if names.count(n) > 1])
    checks.end()


if __name__ == "__main__":
    {"check": check, "used": used}[sys.argv[1]](*sys.argv[2:])
