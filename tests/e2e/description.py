"""What the OpenAPI description says, and whether an answer keeps to it.

    python3 description.py OPENAPI.json SCHEMA.json METRICS.txt

checks the document itself: against the official schema of OpenAPI 3.1, each
schema in it, each example against its schema, and its paths against the routes
that GET /metrics of a running store names.  Last line: `N passed, N failed`.
rest.py uses the class below for each answer.
"""
import json
import re
import sys
from urllib.parse import unquote_to_bytes

from jsonschema import Draft202012Validator

# Responses that no operation lists: what paths and methods that aren't there get.
ALONE = ("InvalidPath", "NotFound", "MethodNotAllowed", "WriteMethodNotAllowed")
METHODS = ("get", "head", "post", "options", "put", "delete", "patch", "trace")


class Description:
    """The document; `seen` collects (path, METHOD, status) of checked answers."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.doc = json.load(file)
        self.seen = set()
        self.validators = {}

    def resolve(self, node):
        while "$ref" in node:
            target = self.doc
            for part in node["$ref"][2:].split("/"):
                target = target[part.replace("~1", "/").replace("~0", "~")]
            node = target
        return node

    def schema_errors(self, schema, value):
        key = json.dumps(schema)
        if key not in self.validators:
            whole = {"allOf": [schema], "components": self.doc["components"]}
            self.validators[key] = Draft202012Validator(whole)
        return [
            "%s: %s" % ("/".join(map(str, e.absolute_path)) or "the whole", e.message[:300])
            for e in self.validators[key].iter_errors(value)
        ]

    def operations(self):
        for path, item in self.doc["paths"].items():
            for method in METHODS:
                if method in item:
                    yield path, method.upper(), item[method]

    def find_path(self, target):
        """The template of a raw path, concrete ones first; None: no such path."""
        segments = [unquote_to_bytes(s) for s in target.split("?")[0].split("/")]
        for path in sorted(self.doc["paths"], key=lambda p: "{" in p):
            parts = path.split("/")
            if len(parts) == len(segments) and all(
                s != b"" if p.startswith("{") else p.encode() == s
                for p, s in zip(parts[1:], segments[1:])
            ):
                return path
        return None

    def response_for(self, path, method, status):
        """The documented response, or a text that says what is missing."""
        responses = self.doc["components"]["responses"]
        item = self.doc["paths"].get(path, {})
        operation = item.get(method.lower())
        if operation is not None:
            if str(status) not in operation["responses"]:
                return "%s %s: status %d isn't documented" % (method, path, status)
            self.seen.add((path, method, status))
            return self.resolve(operation["responses"][str(status)])
        # What no operation lists: the rules in the description's own text.
        write = "requestBody" in item.get("post", {})
        rules = {
            204: "Options",
            400: "InvalidPath",
            401: "WriteUnauthorized" if write else "Unauthorized",
            404: "NotFound",
            405: "WriteMethodNotAllowed" if write else "MethodNotAllowed",
        }
        if status not in rules or (status == 405 and path is None):
            return "%s %s: %d is documented nowhere" % (method, path, status)
        return responses[rules[status]]

    def answer_errors(self, target, method, status, headers, body):
        """Everything in which an answer departs from the description.

        headers: lower-case name to value; body: bytes.
        """
        response = self.response_for(self.find_path(target), method, status)
        if isinstance(response, str):
            return [response]
        errors = self.header_errors(response, headers)
        if method == "HEAD" or "content" not in response:
            return errors + (["a body where none is documented"] if body else [])
        media, content = next(iter(response["content"].items()))
        if headers.get("content-type", "").split(";")[0] != media.split(";")[0]:
            errors.append("Content-Type is %r" % headers.get("content-type"))
        try:
            value = body.decode("utf-8")
            if media == "application/json":
                value = json.loads(value)
        except ValueError as error:
            return errors + ["the body: %s" % error]
        return errors + self.schema_errors(content["schema"], value)

    def header_errors(self, response, headers):
        errors = []
        for name, node in response.get("headers", {}).items():
            header = self.resolve(node)
            value = headers.get(name.lower())
            if value is None:
                if header.get("required"):
                    errors.append("the header %s is missing" % name)
            else:
                errors += ["%s: %s" % (name, e) for e in self.schema_errors(header["schema"], value)]
        return errors

    def unseen(self):
        for path, method, operation in self.operations():
            for status in operation["responses"]:
                if (path, method, int(status)) not in self.seen:
                    yield path, method, int(status)


def schemas_in(node, at="#"):
    """Every schema of the document, wherever it stands."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "schema":
                yield at, value
            elif key == "schemas" and at == "#/components":
                yield from (("%s/schemas/%s" % (at, n), s) for n, s in value.items())
            elif key not in ("example", "examples"):
                yield from schemas_in(value, "%s/%s" % (at, key))
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from schemas_in(value, "%s/%d" % (at, i))


def examples_in(node, at="#"):
    """(where, schema, value) of every example that stands beside a schema."""
    if isinstance(node, dict):
        if isinstance(node.get("schema"), dict):
            if "example" in node:
                yield at, node["schema"], node["example"]
            for name, example in node.get("examples", {}).items():
                yield "%s/%s" % (at, name), node["schema"], example["value"]
        for key, value in node.items():
            if key not in ("example", "examples"):
                yield from examples_in(value, "%s/%s" % (at, key))


def references_in(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references_in(value)
    elif isinstance(node, list):
        for value in node:
            yield from references_in(value)


def check_document(description, official, say):
    doc = description.doc
    with open(official, encoding="utf-8") as file:
        errors = list(Draft202012Validator(json.load(file)).iter_errors(doc))
    say("the official schema", [str(list(e.absolute_path)) + " " + e.message[:200] for e in errors])
    for at, schema in schemas_in(doc):
        errors = Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(schema)
        say("a schema: %s" % at, [e.message[:200] for e in errors])
    for at, schema, value in examples_in(doc):
        say("an example: %s" % at, description.schema_errors(schema, value))
    used = set(references_in(doc))
    for kind in ("parameters", "headers", "responses", "schemas"):
        for name in doc["components"][kind]:
            there = "#/components/%s/%s" % (kind, name)
            say("%s is used" % there, [] if name in ALONE or there in used else ["nothing refers to it"])
    ids = [o["operationId"] for _, _, o in description.operations()]
    say("operation ids", [i for i in set(ids) if ids.count(i) > 1])


def labels(text, name):
    return set(re.findall(r'^store_api_http_requests_total\{[^}]*?\b%s="([^"]*)"' % name, text, re.M))


def check_routes(description, metrics, say):
    """The program's routes are the labels of its counters."""
    routes, paths = labels(metrics, "route") - {"other"}, set(description.doc["paths"])
    say("routes that the document lacks", sorted(routes - paths))
    say("paths that the program lacks", sorted(paths - routes))
    codes = {s for _, _, o in description.operations() for s in o["responses"]} | {"405"}
    say("statuses without a counter", sorted(codes - labels(metrics, "code")))
    methods = {m for _, m, _ in description.operations()}
    say("methods without a counter", sorted(methods - labels(metrics, "method")))


def main():
    description = Description(sys.argv[1])
    counts = [0, 0]

    def say(name, errors):
        counts[bool(errors)] += 1
        for error in errors:
            print("FAILED: %s: %s" % (name, error))

    check_document(description, sys.argv[2], say)
    with open(sys.argv[3], encoding="utf-8") as file:
        check_routes(description, file.read(), say)
    print("%d passed, %d failed" % tuple(counts))


if __name__ == "__main__":
    main()
