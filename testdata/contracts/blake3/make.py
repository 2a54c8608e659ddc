#!/usr/bin/env python3
"""Writes BLAKE3 hashes and chunk paths (pip install blake3 numpy), sharing no code with the contracts. The hashes are
those of the package `blake3`, written by BLAKE3's authors; the paths come from the plain code below, which cuts the tree
from the top as the specification does, and whose roots must be the package's hashes. Run in this folder; the file must
not change."""
import hashlib
import json

import blake3
import numpy

IV = [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19]
PERMUTATION = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]
CHUNK_START, CHUNK_END, PARENT, ROOT = 1, 2, 4, 8
WORD = 0xFFFFFFFF
CHUNK, BLOCK = 1024, 64

# The published lengths, others at the edges of chunk and tree, and a piece of 2^22 leaves.
LENGTHS = [0, 1, 2, 63, 64, 65, 127, 128, 1023, 1024, 1025, 2048, 2049, 3072, 3073, 4096, 4097, 5120, 5121, 6144, 7168,
           8192, 8193, 16384, 31744, 102400, 127 << 20]
# No such input exists: the siblings are made up. The longest piece, and one whose chunks need both words of the counter.
MADE_UP = [(2**40 - 1, 0), (2**40 - 1, 2**29 + 12345), (2**40 - 1, 2**30 - 1), (2**43 - 100, 2**32 + 7),
           (2**43 - 100, 2**33 - 1)]


def compress(cv, words, counter, length, flags):
    """Numbers, or arrays of numbers (one entry a chunk)."""
    v = list(cv) + IV[:4] + [counter & WORD, counter >> 32, length, flags]

    def rotate(x, n):
        return (x >> n | x << (32 - n)) & WORD

    def g(a, b, c, d, x, y):
        for m, first, second in ((x, 16, 12), (y, 8, 7)):
            v[a] = (v[a] + v[b] + m) & WORD
            v[d] = rotate(v[d] ^ v[a], first)
            v[c] = (v[c] + v[d]) & WORD
            v[b] = rotate(v[b] ^ v[c], second)

    for _ in range(7):
        for i in range(4):
            g(i, 4 + i, 8 + i, 12 + i, words[2 * i], words[2 * i + 1])
        for i in range(4):
            g(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4, words[8 + 2 * i], words[9 + 2 * i])
        words = [words[p] for p in PERMUTATION]
    return [v[i] ^ v[i + 8] for i in range(8)]


def joined(cv):
    return b"".join(int(word).to_bytes(4, "little") for word in cv)


def words_of(data):
    return [int.from_bytes(data[i:i + 4], "little") for i in range(0, len(data), 4)]


def chunk_cv(data, index, is_root):
    cv = IV
    blocks = [data[i:i + BLOCK] for i in range(0, len(data), BLOCK)] or [b""]
    for i, block in enumerate(blocks):
        last = i == len(blocks) - 1
        flags = (CHUNK_START if i == 0 else 0) | (CHUNK_END if last else 0) | (ROOT if last and is_root else 0)
        cv = compress(cv, words_of(block.ljust(BLOCK, b"\0")), index, len(block), flags)
    return joined(cv)


def full_chunk_cvs(data):
    """Chaining values of whole chunks that are not the root, all at once."""
    count = len(data) // CHUNK
    words = numpy.frombuffer(data, dtype="<u4").reshape(count, 16, 16).astype(numpy.uint64)
    counter, cv = numpy.arange(count, dtype=numpy.uint64), IV
    for block in range(16):
        flags = (CHUNK_START if block == 0 else 0) | (CHUNK_END if block == 15 else 0)
        cv = compress(cv, [words[:, block, i] for i in range(16)], counter, BLOCK, flags)
    table = numpy.stack(cv, axis=1).astype("<u4").tobytes()
    return [table[32 * i:32 * i + 32] for i in range(count)]


def parent(left, right, is_root):
    return joined(compress(IV, words_of(left + right), 0, BLOCK, PARENT | (ROOT if is_root else 0)))


def left_of(count):
    """Chunks of the left subtree: the largest power of two below `count`."""
    half = 1
    while half * 2 < count:
        half *= 2
    return half


class Tree:
    def __init__(self, data):
        whole = len(data) // CHUNK * CHUNK
        self.single = len(data) <= CHUNK
        self.chunks = max(1, (len(data) + CHUNK - 1) // CHUNK)
        self.leaves = [] if self.single else full_chunk_cvs(data[:whole])
        if len(self.leaves) < self.chunks:
            self.leaves.append(chunk_cv(data[whole:] if not self.single else data, len(self.leaves), self.single))
        self.nodes = {}

    def node(self, start, count):
        if count == 1:
            return self.leaves[start]
        if (start, count) not in self.nodes:
            half = left_of(count)
            both = self.node(start, half), self.node(start + half, count - half)
            self.nodes[start, count] = parent(*both, count == self.chunks)
        return self.nodes[start, count]

    def path(self, index):
        """Siblings, the lowest first."""
        start, count, siblings = 0, self.chunks, []
        while count > 1:
            half = left_of(count)
            if index < start + half:
                siblings.append(self.node(start + half, count - half))
                count = half
            else:
                siblings.append(self.node(start, half))
                start, count = start + half, count - half
        return siblings[::-1]


def pattern(start, length):
    first = start % 251
    return (bytes(range(251)) * (length // 251 + 2))[first:first + length]


def chosen(chunks):
    """All, or the ends and both sides of the first cuts on the way down to the last chunk."""
    if chunks <= 16:
        return list(range(chunks))
    start, indices = 0, {0, chunks - 2, chunks - 1}
    for _ in range(3):
        start += left_of(chunks - start)
        indices |= {start - 1, start}
    return sorted(indices)


def real(length):
    data = pattern(0, length)
    tree = Tree(data)
    digest = blake3.blake3(data).digest()
    assert tree.node(0, tree.chunks) == digest, length
    return {"byteLen": length, "hash": "0x" + digest.hex(),
            "chunks": [{"index": i, "path": ["0x" + node.hex() for node in tree.path(i)]} for i in chosen(tree.chunks)]}


def made_up(length, index):
    chunks = (length + CHUNK - 1) // CHUNK
    data = pattern(CHUNK * index, min(CHUNK, length - CHUNK * index))
    start, count, turns = 0, chunks, []
    while count > 1:
        half = left_of(count)
        right = index >= start + half
        turns.append(right)
        start, count = (start + half, count - half) if right else (start, half)
    siblings = [hashlib.sha256(b"sibling %d" % i).digest() for i in range(len(turns))]
    node = chunk_cv(data, index, False)
    for i, (right, sibling) in enumerate(zip(reversed(turns), siblings)):
        node = parent(*((sibling, node) if right else (node, sibling)), i == len(turns) - 1)
    return {"byteLen": length, "hash": "0x" + node.hex(),
            "chunks": [{"index": index, "path": ["0x" + sibling.hex() for sibling in siblings]}]}


with open("chunks.json", "w") as file:
    json.dump({"input": "byte i is i mod 251", "real": [real(length) for length in LENGTHS],
               "madeUp": [made_up(*case) for case in MADE_UP]}, file, indent=1)
    file.write("\n")
