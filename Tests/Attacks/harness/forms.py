"""POSTs that ask for a DELETE: in fields, the query, forms, multipart content and JSON, in every
spelling that some framework may take for it.

First what can be listed, then random mutations of it, the same in each run.
"""

import gzip
import random

SEED = 31
FORM = "application/x-www-form-urlencoded"

NAMES = """
    _method _METHOD _Method __method .method +method %20method +_method ++_method %09_method %0a_method
    %5Fmethod %5fmethod _m%65thod _%6dethod %255Fmethod %u005fmethod %c1%9fmethod %ef%bc%bfmethod
    _method[] _method[0] _method[x] _method%5B%5D [_method] [method _method] ]_method _method[ _method%00
    _method%00x _method%20 _method+ _method%0a _method. a[_method] _method[][a] _method.x
    X-HTTP-Method-Override x-http-method-override X_HTTP_METHOD_OVERRIDE HTTP_X_HTTP_METHOD_OVERRIDE
    %EF%BB%BF_method _method%00;x _method%00%ff _method%00%zz _method%00% _method%00%4 _method%00%u015f _method[%] %00_method %ff_method _method%ff "_method" '_method' \\_method \\u005fmethod _meth\\od
""".split()
VALUES = """
    DELETE delete DeLeTe DEL%45TE %44ELETE %64elete +DELETE DELETE+ %20DELETE %09DELETE%0a DELETE%00
    %00DELETE DELETE%0d%0a %u0044ELETE DELETE, DELETE;x DELETE,PUT PUT,DELETE %ef%bb%bfDELETE
    %ff%44ELETE DELETE%c2%a0 %c2%a0DELETE "DELETE" %22DELETE%22
""".split()
TYPES = f"""
    {FORM} {FORM.upper()} {FORM};charset=utf-8 {FORM};charset=UTF-16 {FORM};charset=utf-7
    {FORM};charset=ibm037 {FORM};charset=shift_jis {FORM};x=multipart/form-data {FORM},text/plain
    text/plain,{FORM} text/plain;{FORM} text/plain multipart/form-data application/json
    application/x-www-form-urlencode application/x-www-form-urlencoded; application/octet-stream
    application/x-url-encoded application/*
""".split() + [f" {FORM}", f"{FORM} x", f"{FORM} ;charset=utf-8", f"\t{FORM}", f'"{FORM}"', ""]

# A part's Content-Disposition, as it may be written; @ is the end of a line.
DISPOSITIONS = """
    form-data; name="_method"|form-data; name=_method|form-data;name="_method"|form-data; NAME="_method"
    form-data ; name = "_method"|form-data; name='_method'|form-data; name="_meth\\od"|form-data; name=\\_method
    form-data; name="\\_method"|form-data; name="_method|form-data; name=_method"|form-data; name="_method";
    form-data; name="_method"; filename=""|form-data; name="_method"; filename="x"
    form-data; filename="x"; name="_method"|form-data; name="a"; name="_method"
    form-data; name="_method"; name="a"|form-data; name*=utf-8''_method|form-data; name*=UTF-8''%5Fmethod
    form-data; name*=utf-16''_method|form-data; name*0="_met"; name*1="hod"|form-data; name*0*=utf-8''_met; name*1=hod
    form-data; name="=?utf-8?B?X21ldGhvZA==?="|form-data; name==?utf-8?Q?=5Fmethod?=
    form-data; name="%5Fmethod"|form-data; name="_method%00"|form-data; name=".method"|form-data; name=" _method"
    form-data; name="_method[]"|form-data; name="_method[x]"|form-data; name="[_method]"|form-data; name="_METHOD"
    attachment; name="_method"|name="_method"|; name="_method"|inline; name="_method"|file; name="_method"
    FORM-DATA; name="_method"|form-data; x="; name=a"; name="_method"|form-data; x="\\"; name="_method"
    form-data; name="a\\"; name="_method"|form-data; xname="a"; name="_method"|form-data, name="_method"
    form-data; name="_method"\t|form-data;\tname="_method"|form-data; name="_method" ; x=y|form-data name="_method"
    form-data; name="_met@hod"|form-data; name=_met@hod|form-data; na@me="_method"|form-data; name="_method@"
    form-data;; name="_method"|form-data; name=""_method""|form-data; name="a"_method|form-data; name=&#95;method
""".replace("\n", "|").replace("@", "\r\n").split("|")
HEADS = [
    "Content-Disposition: {}", "content-disposition: {}", "CONTENT-DISPOSITION:{}",
    "Content-Disposition : {}", "Content-Disposition:\t{}", " Content-Disposition: {}",
    "Content-Disposition: form-data;\r\n {}", "Content-Disposition:\r\n {}", "Content-Disposition:\n {}",
    "X: y\r\nContent-Disposition: {}", "Content-Type: text/plain\r\nContent-Disposition: {}",
    "Content-Disposition: {}\r\nContent-Type: text/plain; charset=utf-16",
    "Content-Disposition: {}\r\nContent-Transfer-Encoding: base64",
    "Content-Disposition: {}\r\nContent-Type: multipart/mixed; boundary=c",
    "Content-Disposition: form-data; name=\"a\"\r\nContent-Disposition: {}",
    "Content-Disposition: {}\r\nContent-Disposition: form-data; name=\"a\"",
    "Content-Disposition: x\rContent-Disposition: {}", "Content-Disposition: x\nContent-Disposition: {}",
    "Content-Disp\r\nosition: {}", "Content-Disposition: form-data\r\n; {}", "X: y\n\nContent-Disposition: {}", "X: y\r\n\nContent-Disposition: {}", "X: y\n\r\nContent-Disposition: {}",
    "X\0: y\r\nContent-Disposition: {}", "Content-Disposition: {}\0", "Content_Disposition: {}",
    "Content-ID: <_method>\r\nContent-Type: text/plain", "Content-Disposition: {}\r\n" + "X: y\r\n" * 40 + "Z: z",
    "X: " + "y" * 9000 + "\r\nContent-Disposition: {}",
]  # fmt: skip
BOUNDARIES = """
    boundary=b|boundary="b"|BOUNDARY=b|Boundary="b"|boundary =b|boundary= b|boundary=b;|boundary=b,c|boundary=b c
    boundary="b;c"|boundary=a; boundary=b|boundary=b; boundary=a|boundary*=utf-8''b|boundary*0=b|boundary="\\b"
    xboundary=a; boundary=b|boundary=b; charset=utf-8|charset=utf-16; boundary=b|x="boundary=a"; boundary=b|
    boundary=b\t|boundary='b'|boundary="b|boundary=b"|boundary="b"x|boundary=%62|boundary=B|x; boundary=b|boundary==b
""".replace("\n", "|").split("|")
MULTIPARTS = """
    multipart/form-data; {}|multipart/form-data;{}|Multipart/Form-Data; {}|multipart/form-data {}|multipart/mixed; {}
    multipart/form-data, {}|multipart/x; {}|multipart/related; {}|multipart/form-data;; {}|multipart/form-data; x; {}
    text/plain, multipart/form-data; {}|multipart/form-data; a="; {}|x multipart/form-data; {}|multipart/form-data\t; {}
""".replace("\n", "|").split("|")
# How a message of parts may be laid out; {part} is a head, an empty line and a value.
LAYOUTS = [
    "--b\r\n{part}\r\n--b--\r\n", "--b\r\n{part}\r\n--b--", "--b\r\n{part}\r\n--b", "--b\r\n{part}", "--b\r\n{part}--b--",
    "\r\n--b\r\n{part}\r\n--b--\r\n", "x\r\n--b\r\n{part}\r\n--b--\r\n", "x--b\r\n{part}\r\n--b--\r\n",
    "--b\n{part}\n--b--\n", "--b \r\n{part}\r\n--b--\r\n", "--b\t\r\n{part}\r\n--b--\r\n", "--bx\r\n{part}\r\n--b--\r\n",
    "--b--\r\n{part}\r\n--b--\r\n", "--b--\r\n--b\r\n{part}\r\n--b--\r\n", "--b\r\n--b\r\n{part}\r\n--b--\r\n",
    "--b\r\n\r\n{part}\r\n--b--\r\n", "--b--\r\n\r\n{part}\r\n--b--\r\n", "--b\r\n\r\n\r\n{part}\r\n--b--\r\n",
    "--b\n\n{part}\r\n--b--\r\n", "--b\r\n \r\n{part}\r\n--b--\r\n", "--b\r\nX\r\n{part}\r\n--b--\r\n",
    "--b\r\n\r\n--b\r\n{part}\r\n--b--\r\n", "-- b\r\n{part}\r\n-- b--\r\n", "--b\r{part}\r--b--\r",
    "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--b\r\n{part}\r\n--b--\r\n",
    "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n--b\r\n{part}\r\n--b--\r\n",
    "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n--b\r\n{part}\r\n--b--\r\n",
    "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\n--b\n{part}\n--b--\r\n",
    "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"g\"\r\n\r\n" + "-" * 3000 + "\r\n--b\r\n{part}\r\n--b--\r\n",
    "--b\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
    "--c\r\n{part}\r\n--c--\r\n--b--\r\n",
    "--c\r\n{part}\r\n--c--\r\n", "--B\r\n{part}\r\n--B--\r\n", "--a\r\n{part}\r\n--a--\r\n", '--"b"\r\n{part}\r\n--"b"--\r\n',
    "--b;\r\n{part}\r\n--b;--\r\n", "--b,c\r\n{part}\r\n--b,c--\r\n", "--b c\r\n{part}\r\n--b c--\r\n", "--b;c\r\n{part}\r\n--b;c--\r\n",
]  # fmt: skip
JSON = [
    '{{"_method":"{v}"}}', '{{"\\u005fmethod":"{v}"}}', '{{"_method" : "{v}" , "a":1}}', '{{"_method":"x","_method":"{v}"}}',
    '{{"a":{{"_method":"x"}},"_method":"{v}"}}', '\ufeff{{"_method":"{v}"}}', ' \r\n\t{{"_method":"{v}"}}', '{{"_method":["{v}"]}}',
    '[{{"_method":"{v}"}}]', '{{"a":"\\\\","_method":"{v}"}}', '{{"a":"\\"","_method":"{v}"}}', '{{"_method":"{v}"', "{{'_method':'{v}'}}",
    '{{_method:"{v}"}}', '/**/{{"_method":"{v}"}}', '{{/**/"_method":"{v}"}}', '{{"_method":/**/"{v}"}}', '{{"a":1,}}{{"_method":"{v}"}}',
    '{{"_Method":"{v}"}}', '{{"_method":"DEL\\u0045TE"}}', '{{"_method":"\\u0044ELETE"}}', '"{{\\"_method\\":\\"{v}\\"}}"', ')]}}\',\n{{"_method":"{v}"}}',
    '\x0c{{"_method":"{v}"}}', '\x00{{"_method":"{v}"}}', '{{"_method\\u0000":"{v}"}}', '{{"a":[}}],"_method":"{v}"}}', '{{"a":1}}\n{{"_method":"{v}"}}',
]  # fmt: skip
JSON_TYPES = """
    application/json|application/json; charset=utf-8|application/json; charset=utf-16|application/json; charset=utf-16le
    application/vnd.api+json|text/json|APPLICATION/JSON|application/json;|application/json, text/plain|x/json|text/plain
    application/json; charset=utf-7|application/json; charset=ibm037|application/json; charset=utf-32
""".replace("\n", "|").split("|")
CODINGS = ["", "identity", "gzip", "x", "deflate", "gzip, identity", "aws-chunked"]
CHARSETS = ["utf-8", "utf-16", "utf-16le", "utf-16be", "utf-7", "utf-32", "cp500", "cp037"]
METHOD_FIELDS = """
    X-HTTP-Method-Override X-HTTP-Method X-Method-Override x-http-method-override X_HTTP_Method_Override
    X-HTTP_Method-Override X.HTTP.Method.Override X-HTTP-Method-Override_ X-HTTP-Method-Overrides
    HTTP-X-HTTP-Method-Override X-HTTPMethod-Override X-HTTP-METHOD
""".split()


class Form:
    """One POST: `fields` are pairs, `content` is bytes."""

    def __init__(self, target="/items", fields=(), content=b""):
        self.target = target
        self.fields = list(fields)
        self.content = content

    @property
    def key(self):
        return self.target, tuple(self.fields), self.content

    def head(self):
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.fields)
        return (
            f"POST {self.target} HTTP/1.1\r\nHost: a.example\r\n{lines}"
            f"Content-Length: {len(self.content)}\r\n\r\n"
        ).encode("latin-1", "replace")

    def __str__(self):
        fields = " ".join(f"-H '{name}: {value}'" for name, value in self.fields)
        return f"{self.target} {fields} {self.content!r}"


def _typed(kind, content, coding=""):
    fields = [("Content-Type", kind)] if kind else []
    if coding:
        fields.append(("Content-Encoding", coding))
    content = content if isinstance(content, bytes) else content.encode("utf-8", "replace")
    return Form(fields=fields, content=content)


def _part(head, value="DELETE"):
    return f"{head}\r\n\r\n{value}"


def _listed():
    for name in NAMES:
        yield Form(f"/items?{name}=DELETE")
        for value in ("DELETE", "DEL%45TE"):
            yield _typed(FORM, f"{name}={value}")
            yield _typed("", f"{name}={value}")
        for separator in "&;,|\n\r\0 ":
            yield _typed(FORM, f"a=b{separator}{name}=DELETE{separator}c=d")
        yield _typed("multipart/form-data; boundary=b", LAYOUTS[0].format(part=_part(f'Content-Disposition: form-data; name="{name}"')))
        yield _typed("application/json", f'{{"{name}":"DELETE"}}')
    for value in VALUES:
        yield Form(f"/items?_method={value}")
        yield _typed(FORM, f"_method={value}&_method=GET")
        yield _typed("application/json", JSON[0].format(v=value))
        for name in METHOD_FIELDS:
            if all(0x20 <= ord(letter) < 0x7F for letter in value):
                yield Form(fields=[(name, value)])
    for kind in TYPES:
        for coding in CODINGS:
            yield _typed(kind, "_method=DELETE", coding)
        for charset in CHARSETS:
            yield _typed(kind, "_method=DELETE".encode(charset))
            yield _typed(f"{FORM}; charset={charset}", "_method=DELETE".encode(charset))
        yield _typed(kind, gzip.compress(b"_method=DELETE", mtime=0), "gzip")
        yield Form(fields=[("Content-Type", kind), ("Content-Type", FORM)], content=b"_method=DELETE")
        yield Form(fields=[("Content-Type", FORM), ("Content-Type", kind)], content=b"_method=DELETE")
    yield from _listed_parts()
    yield from _listed_json()


def _listed_parts():
    plain = _part('Content-Disposition: form-data; name="_method"')
    kind = "multipart/form-data; boundary=b"
    for head in HEADS:
        for disposition in DISPOSITIONS:
            yield _typed(kind, LAYOUTS[0].format(part=_part(head.format(disposition))))
    for layout in LAYOUTS:
        for boundary in BOUNDARIES:
            yield _typed(f"multipart/form-data; {boundary}", layout.format(part=plain))
        for value in VALUES + ["DELETE\r\n", "\r\nDELETE", "DELETE\n", "RELFVEU=", "--b", "DELETE\r\n--bx"]:
            yield _typed(kind, layout.format(part=_part('Content-Disposition: form-data; name="_method"', value)))
        for disposition in DISPOSITIONS:
            yield _typed(kind, layout.format(part=_part(f"Content-Disposition: {disposition}").replace("\r\n", "\n")))
        yield _typed(kind, layout.format(part=plain.replace("\r\n", "\r")))
    for multipart in MULTIPARTS:
        for boundary in BOUNDARIES:
            yield _typed(multipart.format(boundary), LAYOUTS[0].format(part=plain))
    for charset in CHARSETS:
        yield _typed(f"{kind}; charset={charset}", LAYOUTS[0].format(part=plain).encode(charset))
        yield _typed(kind, LAYOUTS[0].format(part=plain).encode(charset))
    for coding in CODINGS:
        yield _typed(kind, LAYOUTS[0].format(part=plain), coding)


def _listed_json():
    for kind in JSON_TYPES:
        for text in JSON:
            for charset in CHARSETS:
                try:
                    yield _typed(kind, text.format(v="DELETE").encode(charset))
                except UnicodeEncodeError:
                    pass
            for coding in CODINGS:
                yield _typed(kind, text.format(v="DELETE"), coding)
        yield _typed(kind, gzip.compress(JSON[0].format(v="DELETE").encode(), mtime=0), "gzip")


PIECES = [
    b"&", b";", b"=", b"+", b"%", b"%5f", b"%00", b"%0a", b"%0d%0a", b"%20", b'"', b"'", b"\\", b'\\"',
    b",", b":", b"<", b">", b"[", b"]", b"{", b"}", b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\n\n", b"\r\n ",
    b"\0", b"\t", b" ", b"\x80", b"\xff", b"--b", b"--b--", b"--b\r\n", b"\r\n--b\r\n", b"--", b"name=",
    b'name="', b"name*=", b"filename=", b"Content-Disposition: ", b"form-data;", b"_method", b".method",
    b"_method=DELETE", b"DELETE", b"\\u005f", b"boundary=b", b"multipart/mixed", b"=?utf-8?B?X21ldGhvZA==?=",
]  # fmt: skip


def _mutated(source, form):
    content = bytearray(form.content)
    for _ in range(source.randint(1, 4)):
        place = source.randint(0, len(content))
        kind = source.random()
        if kind < 0.6:
            content[place:place] = source.choice(PIECES)
        elif kind < 0.8:
            del content[place : place + source.randint(1, 4)]
        else:
            end = min(len(content), place + source.randint(1, 40))
            at = source.randint(0, len(content))
            content[at:at] = content[place:end]
    return Form(form.target, form.fields, bytes(content))


def every(count):
    """`count` POSTs: those listed, thinned out where they are more, then mutated ones."""
    source = random.Random(SEED)
    listed = {form.key: form for form in _listed() if _is_sendable(form)}
    wanted = list(listed.values())
    most = count // 2
    chosen = source.sample(wanted, most) if len(wanted) > most else wanted
    seen = {form.key: form for form in chosen}
    bases = [form for form in wanted if form.content]
    while len(seen) < count:
        form = _mutated(source, source.choice(bases))
        seen[form.key] = form
    return list(seen.values())


def _is_sendable(form):
    """What ends a line of the head is for other tests."""
    texts = [form.target] + [text for field in form.fields for text in field]
    return not any(ord(letter) < 0x20 and letter != "\t" or ord(letter) > 0xFF for text in texts for letter in text) and (
        " " not in form.target
    )
