"""The same rules in each proxy's own words.

A rule is (pattern, methods) as methodgate writes it. `TEN` is the set that all peers are
compared under; `many(n)` makes larger sets whose paths all have the same length, so that only
the number of rules differs between them.
"""

TEN = [
    ("/health", ["GET"]),
    ("/api/items", ["GET", "POST"]),
    ("/api/items/{id}", ["GET", "PUT", "PATCH", "DELETE"]),
    ("/api/items/{id}/publish", ["POST"]),
    ("/api/users", ["GET", "POST"]),
    ("/api/users/{id}", ["GET", "PUT", "DELETE"]),
    ("/api/orders", ["GET", "POST"]),
    ("/static/{file...}", ["GET"]),
    ("/admin/{rest...}", ["GET"]),
    ("/upload/{name}", ["POST", "PUT"]),
]


def many(count):
    """`count` rules, five for each of count / 5 resources: all that a real API has of shapes."""
    rules = []
    for number in range(count // 5):
        base = f"/service-{number // 100:03}/resource-{number % 100:02}"
        rules += [
            (base, ["GET", "POST"]),
            (base + "/{id}", ["GET", "PUT", "PATCH", "DELETE"]),
            (base + "/{id}/notes", ["GET", "POST"]),
            (base + "/{id}/state", ["GET", "PUT"]),
            (base + "/{id}/files/{path...}", ["GET"]),
        ]
    return rules


def targets(rules, count):
    """`count` request targets, as many for each rule and of the same length for the same kind of
    rule. All are distinct, so that preparing and drawing them costs the load the same whatever the
    number of rules: a load that is slower sends less at a time, which costs a proxy more."""
    paths = [
        pattern.replace("{id}", "4711").replace("{path...}", "a/b.txt") for pattern, _ in rules
    ]
    return [f"{paths[number % len(paths)]}?n={number:06}" for number in range(count)]


def with_head(methods):
    """GET brings HEAD, as the gate implies it."""
    return ["GET", "HEAD", *methods[1:]] if methods[0] == "GET" else methods


def for_methodgate(rules):
    return "\n".join(f"  {pattern}: [{', '.join(methods)}]" for pattern, methods in rules)


def for_nginx(rules):
    """Maps and locations. A map on the method is a hash look-up (a regular expression in `if`
    and limit_except cost the same within noise, and the latter answers 403). Tails are `^~`
    prefixes, so that no regular expression of another location is tried in vain."""
    sets = sorted({tuple(with_head(methods)) for _, methods in rules} | {("GET", "HEAD")})
    maps = []
    for methods in sets:
        entries = " ".join(f"{method} 0;" for method in methods)
        maps.append(f"    map $request_method $deny_{_name(methods)} {{ default 1; {entries} }}")
    locations = []
    for pattern, methods in rules:
        locations.append(_nginx_location(_nginx_match(pattern), tuple(with_head(methods))))
    locations.append(_nginx_location("/", ("GET", "HEAD")))
    return "\n".join(maps), "\n".join(locations)


def _name(methods):
    return "_".join(methods).lower()


def _nginx_match(pattern):
    if "{" not in pattern:
        return f"= {pattern}"
    if pattern.endswith("...}"):
        return f"^~ {pattern.partition('{')[0]}"
    parts = ["[^/]+" if part.startswith("{") else part for part in pattern.split("/")]
    return f"~ ^{'/'.join(parts)}$"


def _nginx_location(match, methods):
    return (
        f"        location {match} {{ if ($deny_{_name(methods)}) {{ return 405; }}"
        " proxy_pass http://origin; }"
    )


def for_haproxy(rules):
    """One deny line a rule: the method first, which is the cheaper test, then the path. That
    order was measured 5 % cheaper than the other one."""
    lines = []
    for pattern, methods in rules:
        if "{" not in pattern:
            match = f"path {pattern}"
        elif pattern.endswith("...}"):
            match = f"path_beg {pattern.partition('{')[0]}"
        else:
            parts = ["[^/]+" if part.startswith("{") else part for part in pattern.split("/")]
            match = f"path_reg ^{'/'.join(parts)}$"
        allowed = " ".join(with_head(methods))
        lines.append(
            f"    http-request deny deny_status 405 if !{{ method {allowed} }} {{ {match} }}"
        )
    return "\n".join(lines)
