"""Spellings of the path of a handler: request targets that some backend may take for it.

First what can be listed: each byte at each place, each fragment at each place, pairs of fragments
before and behind the handler's first segment. Then random compositions, the same in each run.
"""

import random

HANDLERS = ("/admin/panel", "/tasks/panel")
SEED = 20

# What is known to be dropped, cut, resolved, decoded, folded, or taken for something else.
FRAGMENTS = """
    / // /// /./ /../ /x/../ /x/..;/ /x/..;y/ /x/%2e%2e/ /x/.%2e/ /x/%252e%252e/ /x/..%2f /x%2f..%2f
    /x/..%5c /x%5c..%5c /%2e/ /.;/ /;/ /;x/ /x//../ /x/./../ /x;/../ /public/.. /public/../
    ; ;x ;a=b %3b %3B %3bx %253b ;.json .json . .. ... %2e %2E %2e%2e %252e %252e%252e ./ ../
    %2f %2F %252f %252F %25252f %5c %5C %255c \\ %2f%2f %5c%5c
    %20 + %2b %20%20 %2520 %09 %0a %0d %0d%0a %0b %0c %01 %08 %1c %1f %7f %00 %2500 %0a. .%20 %20.
    %80 %85 %a0 %ad %ff %c2%85 %c2%a0 %c2%ad %e1%9a%80 %e2%80%80 %e2%80%8a %e2%80%a8 %e2%80%a9
    %e2%80%af %e2%81%9f %e3%80%80 %ef%bb%bf %e2%80%8b %e2%80%8d %e2%80%ae %e1%a0%8e %cc%88 %cc%b8
    %c0%80 %c0%ae %c0%af %c0%2f %c1%9c %c1%a1 %e0%80%ae %e0%80%af %e0%81%9c %f0%80%80%ae %f0%80%80%af
    %f8%80%80%80%ae %f8%80%80%80%af %fc%80%80%80%80%ae %fc%80%80%80%80%af %c0%ae%c0%ae %c0%ae%c0%ae/
    %ef%bc%8f %ef%bc%8e %ef%bc%bc %ef%bc%9b %ef%bc%9f %ef%bc%83 %ef%bc%85 %ef%bc%8e%ef%bc%8e/
    %e2%88%95 %e2%81%84 %e2%80%a4 %e2%80%a5 %c4%af %c4%ae %e2%bc%af
    %c4%b0 %c4%b1 %c5%bf %e2%84%aa %c3%89 %c3%a9 %e1%ba%9e %ef%bd%81
    ::$DATA ::$data ::$INDEX_ALLOCATION :$I30:$INDEX_ALLOCATION %3a%3a$DATA ::%24DATA :x :x:$DATA ~1
    /(S(x)) /(S(x))/ /(s(x)F(y)) /(S()) /(S(x)/ /%28S(x)) (S(x)) (S(x))/ /(S(x))x /x(S(x)) /((x)) /(S(x)%29
    ? ?x ?/../ %3f %3fx %253f %23 %23x %2523 & &x = : @ | " < > ` ^ { } [ ] $ %24 * ! ' ( ) , ~
    % %% %2 %u002f %u002e %zz %25 %2525 %25%32%66 %%32%66 %25%35%63
    x X %78 %58 %2578 //x ///x ////x //x/ ///x/ //x:80/ //x:/ //u@x/ //x;y/ //%78/ /%2fx/ %2f%2fx/
    //x%2f //x%5c /\\x/ /%5cx/ %5c%5cx/ http://x http://x/ //x//y/ //x/../ ///x/../ //../ //./ //;/
""".split()

# A handler's letter in other clothes; {hex} is its code in ASCII.
CLOTHES = (
    "%{hex:02x}", "%{hex:02X}", "%25{hex:02x}", "%2525{hex:02x}", "%25%3{high}%3{low}",
    "%{overlong:02x}%{tail:02x}", "%e0%8{overlong_low:x}%{tail:02x}",
    "%f0%80%8{overlong_low:x}%{tail:02x}", "%f8%80%80%8{overlong_low:x}%{tail:02x}",
    "%fc%80%80%80%8{overlong_low:x}%{tail:02x}", "%c{overlong_low:x}%{low_six:02x}", "{full}",
    "%u{hex:04x}", "{upper}",
)  # fmt: skip


def dressed(letter, clothes):
    code = ord(letter)
    full = "".join(f"%{byte:02x}" for byte in chr(code + 0xFEE0).encode())
    return clothes.format(
        hex=code,
        high=code >> 4,
        low=code & 15 if code & 15 < 10 else 0,
        overlong=0xC0 | code >> 6,
        overlong_low=code >> 6,
        tail=0x80 | code & 0x3F,
        low_six=code & 0x3F,
        full=full,
        upper=letter.upper(),
    )


# Letters outside ASCII that some mapping of case turns into one of ASCII.
FOLDED = {"s": "%c5%bf", "k": "%e2%84%aa", "i": "%c4%b1", "I": "%c4%b0"}


def listed():
    for handler in HANDLERS:
        yield handler
        for place in range(len(handler) + 1):
            before, after = handler[:place], handler[place:]
            for byte in range(256):
                yield f"{before}%{byte:02x}{after}"
                yield f"{before}%25{byte:02x}{after}"
            for byte in set(range(0x21, 0x100)) - {0x23}:
                yield before + chr(byte) + after
            for fragment in FRAGMENTS:
                yield before + fragment + after
            letter = after[:1]
            if letter:
                for clothes in CLOTHES:
                    yield before + dressed(letter, clothes) + after[1:]
                for plain in (letter, letter.upper()):
                    if plain in FOLDED:
                        yield before + FOLDED[plain] + after[1:]
        for text in (handler.upper(), handler.title(), handler[:3] + handler[3:].upper()):
            yield text
        for clothes in CLOTHES:
            yield "/" + "".join(dressed(letter, clothes) for letter in handler[1:6]) + handler[6:]
        for one in FRAGMENTS:
            for other in FRAGMENTS:
                yield one + other + handler
                yield handler[:6] + one + other + handler[6:]
                yield handler[:6] + one + other
                yield one + handler[:6] + other + handler[6:]


def composed():
    """Endless."""
    source = random.Random(SEED)
    while True:
        target = source.choice(HANDLERS)
        if source.random() < 0.2:
            target = "".join(source.choice((c, c.upper())) for c in target)
        for _ in range(source.randint(2, 6)):
            target = _mutated(source, target)
        if source.random() < 0.03:
            target = source.choice(("http://a.example", "HTTP://A.EXAMPLE:80")) + target
        yield target


def _mutated(source, target):
    place = source.choice((0, 6, len(target), source.randint(0, len(target))))
    before, after = target[:place], target[place:]
    kind = source.random()
    if kind < 0.6:
        return before + source.choice(FRAGMENTS) + after
    if kind < 0.9 and after and after[0].isascii():
        letter = after[0]
        return before + dressed(letter, source.choice(CLOTHES)) + after[1:]
    if after and after[0] in FOLDED:
        return before + FOLDED[after[0]] + after[1:]
    return before + f"%{source.randrange(256):02x}" + after


def every(count):
    """`count` targets: those listed, thinned out where they are more, then composed ones."""
    seen = dict.fromkeys(_sendable(target) for target in listed())
    seen.pop(None, None)
    wanted = list(seen)
    most = count * 3 // 4
    if len(wanted) > most:
        wanted = sorted(random.Random(SEED).sample(wanted, most))
        seen = dict.fromkeys(wanted)
    for target in composed():
        if len(seen) >= count:
            return list(seen)
        target = _sendable(target)
        if target:
            seen[target] = None


def _sendable(target):
    """As bytes. What ends a request line early is no path, and belongs to other tests."""
    if not target or any(ord(letter) <= 0x20 for letter in target) or "#" in target:
        return None
    if target[0] != "/" and not target.lower().startswith("http"):
        target = "/" + target
    return target.encode("latin-1")
