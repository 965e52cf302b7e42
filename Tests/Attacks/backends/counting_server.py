"""A backend that tells requests apart: reads each whole, and answers with its number (`X-Id`).

`/big` is 1 MiB, for clients that read slowly.
"""

import asyncio
import sys

BIG = b"a" * (1 << 20)


async def content(reader, fields):
    if fields.get(b"transfer-encoding", b"").lower() == b"chunked":
        while size := int((await reader.readline()).split(b";")[0], 16):
            await reader.readexactly(size + 2)
        while (await reader.readline()).strip():
            pass
    elif length := int(fields.get(b"content-length", b"0")):
        await reader.readexactly(length)


async def serve(reader, writer):
    try:
        while line := await reader.readline():
            fields = {}
            while field := (await reader.readline()).strip():
                name, _, value = field.partition(b":")
                fields[name.lower()] = value.strip()
            await content(reader, fields)
            answer = BIG if b" /big" in line else fields.get(b"x-id", b"-")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer))
            for start in range(0, len(answer), 65536):
                writer.write(answer[start : start + 65536])
                await writer.drain()
    except (OSError, ValueError, asyncio.IncompleteReadError):
        pass
    writer.close()


async def main(port):
    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


asyncio.run(main(int(sys.argv[1])))
