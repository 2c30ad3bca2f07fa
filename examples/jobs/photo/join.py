"""Puts the tiles of a photo job together into one PNG.

usage: join.py FOLDER PICTURE.png

FOLDER is where `peer run job.toml --fetch FOLDER` put the results: FOLDER/<task>/out/tile.ppm.
"""

import pathlib
import struct
import sys
import zlib

COLUMNS, ROWS = 4, 3


def tile(path):
    _, size, _, pixels = path.read_bytes().split(b"\n", 3)
    width, height = map(int, size.split())
    return width, [pixels[y * width * 3 : (y + 1) * width * 3] for y in range(height)]


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


folder, into = map(pathlib.Path, sys.argv[1:])
lines = []
for row in range(ROWS):
    tiles = [tile(folder / str(row * COLUMNS + column) / "out/tile.ppm") for column in range(COLUMNS)]
    width = sum(wide for wide, _ in tiles)
    lines += [b"".join(line) for line in zip(*(rows for _, rows in tiles))]
head = struct.pack(">IIBBBBB", width, len(lines), 8, 2, 0, 0, 0)
body = zlib.compress(b"".join(b"\0" + line for line in lines), 9)
into.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b""))
print(f"{into}: {width} x {len(lines)}")
