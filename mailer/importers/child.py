"""The process in which files of unknown origin are parsed: it takes one from standard input and writes what it holds.

It never asks the network, and ends itself when it takes more time or memory than any bulletin needs.
"""

from __future__ import annotations

import json
import resource
import struct
import sys

from mailer.importers.document import Document
from mailer.importers.files import read_file
from mailer.importers.formats import Format
from subscribers.errors import InputError

_MEGABYTE = 1 << 20
MOST_MEMORY = 1200 * _MEGABYTE
MOST_SECONDS = 60
REFUSED = 2


def main() -> None:
    """Reads argv (format, name) and standard input; writes the document, framed by `pack`, or its refusal in words."""
    limit()
    kind, name = sys.argv[1:3]
    try:
        document = read_file(sys.stdin.buffer.read(), Format(kind), name)
    except InputError as error:
        sys.stdout.buffer.write(str(error).encode("utf-8", "surrogatepass"))
        sys.exit(REFUSED)
    sys.stdout.buffer.write(pack(document))


def limit() -> None:
    """Limits this process: its memory, its time, and that it writes no file. It may call itself deeper than others: so do pages."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    sys.setrecursionlimit(20_000)


def pack(document: Document) -> bytes:
    """A document as octets: the length of its JSON, that, then each image with its length."""
    images = list(document.images.items())
    head = json.dumps({"document": document.to_json(), "images": [[name, len(content)] for name, content in images]})
    encoded = head.encode("utf-8", "surrogatepass")
    return struct.pack(">Q", len(encoded)) + encoded + b"".join(content for _, content in images)


def unpack(packed: bytes) -> Document:
    """The document that `pack` wrote. Raises ValueError where the octets are not whole."""
    try:
        (length,) = struct.unpack(">Q", packed[:8])
        head = json.loads(packed[8 : 8 + length].decode("utf-8", "surrogatepass"))
        images: dict[str, bytes] = {}
        at = 8 + length
        for name, size in head["images"]:
            images[name] = packed[at : at + size]
            at += size
        if at != len(packed):
            raise ValueError("the octets of the images are not whole")
        return Document.from_json(head["document"], images)
    except (struct.error, KeyError, TypeError) as error:
        raise ValueError("not what a reading process writes") from error


if __name__ == "__main__":
    main()
