#!/usr/bin/env python3
"""Writes the known answers of this folder, from the definitions alone: an implementation that shares no code and no
library with the Rust one. Run it in this folder; it prints nothing and the files must not change."""
import json

R = 52435875175126190479447740508185965837690552500527637822603658699938581184513
WIDTH, FULL, PARTIAL = 16, 8, 64
M4 = [[5, 7, 1, 3], [4, 6, 1, 1], [1, 3, 5, 7], [1, 1, 4, 6]]
DIAGONAL = list(range(1, 16)) + [24]


# BLAKE3, hash mode, one thread, no tricks (specification of 2020, section 2).
IV = [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19]
PERMUTATION = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]
CHUNK_START, CHUNK_END, PARENT, ROOT = 1, 2, 4, 8


def compress32(cv, words, counter, length, flags):
    v = cv + IV[:4] + [counter & 0xFFFFFFFF, counter >> 32, length, flags]

    def rotate(x, n):
        return (x >> n | x << (32 - n)) & 0xFFFFFFFF

    def g(a, b, c, d, x, y):
        for m, first, second in ((x, 16, 12), (y, 8, 7)):
            v[a] = (v[a] + v[b] + m) & 0xFFFFFFFF
            v[d] = rotate(v[d] ^ v[a], first)
            v[c] = (v[c] + v[d]) & 0xFFFFFFFF
            v[b] = rotate(v[b] ^ v[c], second)

    for _ in range(7):
        for i in range(4):
            g(i, 4 + i, 8 + i, 12 + i, words[2 * i], words[2 * i + 1])
        for i in range(4):
            g(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4, words[8 + 2 * i], words[9 + 2 * i])
        words = [words[p] for p in PERMUTATION]
    return [v[i] ^ v[i + 8] for i in range(8)]


def words_of(block):
    block = block.ljust(64, b"\0")
    return [int.from_bytes(block[i:i + 4], "little") for i in range(0, 64, 4)]


def blake3(data):
    def chunk(start, is_root):
        piece, cv = data[start:start + 1024], IV
        blocks = [piece[i:i + 64] for i in range(0, len(piece), 64)] or [b""]
        for i, block in enumerate(blocks):
            last = i == len(blocks) - 1
            flags = (CHUNK_START if i == 0 else 0) | (CHUNK_END if last else 0) | (ROOT if last and is_root else 0)
            cv = compress32(cv, words_of(block), start // 1024, len(block), flags)
        return cv

    def subtree(start, end, is_root):
        if end - start <= 1024:
            return chunk(start, is_root)
        half = 1024
        while half * 2 < end - start:
            half *= 2
        both = subtree(start, start + half, False) + subtree(start + half, end, False)
        return compress32(IV, both, 0, 64, PARENT | (ROOT if is_root else 0))

    return b"".join(word.to_bytes(4, "little") for word in subtree(0, len(data), True))


# Poseidon2.
def grain(width, full, partial):
    fields = ((1, 2), (0, 4), (255, 12), (width, 12), (full, 10), (partial, 10), (2**30 - 1, 30))
    state = [int(c) for value, bits in fields for c in format(value, f"0{bits}b")]

    def clock():
        bit = state[62] ^ state[51] ^ state[38] ^ state[23] ^ state[13] ^ state[0]
        state.pop(0)
        state.append(bit)
        return bit

    for _ in range(160):
        clock()

    def bit():
        while not clock():
            clock()
        return clock()

    while True:
        drawn = 0
        for _ in range(255):
            drawn = drawn << 1 | bit()
        if drawn < R:
            yield drawn


def constants():
    source = grain(WIDTH, FULL, PARTIAL)
    first = [[next(source) for _ in range(WIDTH)] for _ in range(FULL // 2)]
    middle = [next(source) for _ in range(PARTIAL)]
    return first, middle, [[next(source) for _ in range(WIDTH)] for _ in range(FULL // 2)]


FIRST, MIDDLE, LAST = constants()


def external(x):
    return [sum((2 if i // 4 == j // 4 else 1) * M4[i % 4][j % 4] * x[j] for j in range(16)) % R for i in range(16)]


def permute(x):
    x = external(x)
    for row in FIRST:
        x = external([pow(a + c, 5, R) for a, c in zip(x, row)])
    for c in MIDDLE:
        x = [pow(x[0] + c, 5, R)] + x[1:]
        total = sum(x)
        x = [(total + d * a) % R for a, d in zip(x, DIAGONAL)]
    for row in LAST:
        x = external([pow(a + c, 5, R) for a, c in zip(x, row)])
    return x


def compress(x):
    return (permute(x)[0] + x[0]) % R


# Domains, trees, fr32, pieces.
def named(name):
    return int.from_bytes(blake3(name.encode()), "little") % R


def tagged(tag, *words):
    return compress([named("cairn/v1/tag/" + tag), *words] + [0] * (15 - len(words)))


def rows(kind, row, levels):
    result = [row]
    for level in range(1, levels + 1):
        groups = [row[i:i + 16] for i in range(0, len(row), 16)]
        constant = named(f"cairn/v1/{kind}/{level}")
        row = [(compress(group + [0] * (16 - len(group))) + constant) % R for group in groups]
        result.append(row)
    return result


def levels_of(leaves):
    return ((leaves - 1).bit_length() + 3) // 4


def root(kind, leaves):
    return rows(kind, leaves, levels_of(len(leaves)))[-1][0]


def zero(kind, levels):
    node = 0
    for level in range(1, levels + 1):
        node = (compress([node] * 16) + named(f"cairn/v1/{kind}/{level}")) % R
    return node


def provider_root(leaves, levels):
    row = leaves
    for level in range(1, levels + 1):
        below = zero("provider", level - 1)
        groups = [row[i:i + 16] for i in range(0, len(row), 16)]
        constant = named(f"cairn/v1/provider/{level}")
        row = [(compress(group + [below] * (16 - len(group))) + constant) % R for group in groups]
    return row[0] if row else zero("provider", levels)


def fr32(data):
    elements = []
    for start in range(0, len(data), 127):
        group = int.from_bytes(data[start:start + 127], "little")
        elements += [group >> 254 * i & (2**254 - 1) for i in range(4)]
    return elements


def pattern(length):
    return bytes((i * i + 7 * i + 3) % 256 for i in range(length))


def be(x):
    return format(x, "064x")


def le(x):
    return x.to_bytes(32, "little").hex()


def piece(length):
    data = pattern(length)
    leaves = fr32(data)
    b = max((len(leaves) - 1).bit_length(), 2)
    top = root("data", leaves + [0] * (2**b - len(leaves)))
    return {"byte_len": length, "b": b, "root": be(top), "comm_p_le": le(tagged("P", b, length, top)),
            "content_id": blake3(data).hex()}


def opening(leaves, index):
    all_rows = rows("data", leaves, levels_of(len(leaves)))
    data = bytes([len(all_rows) - 1]) + leaves[index].to_bytes(32, "little")
    for row in all_rows[:-1]:
        index //= 16
        group = row[16 * index:16 * index + 16]
        data += b"".join(x.to_bytes(32, "little") for x in group + [0] * (16 - len(group)))
    return data.hex()


def write(name, value):
    with open(name, "w") as file:
        json.dump(value, file, indent=1)
        file.write("\n")


PROVIDER = "f39fd6e51aad88f6f4ce6ab8827279cfffb92266"


def main():
    inputs = [list(range(16)), list(range(1, 17)), [0] * 16, [2**63] * 16, [0] * 15 + [1]]
    write("poseidon2.json", {
        "first_round_constant": be(FIRST[0][0]), "permutation_of_zero_0": be(permute([0] * 16)[0]),
        "compress": [{"input": x, "output": be(compress(x))} for x in inputs]})
    comm = 123456789
    write("domain.json", {
        "levels": {kind: [be(named(f"cairn/v1/{kind}/{level}")) for level in range(1, 11)]
                   for kind in ("data", "column", "replica", "provider")},
        "tags": {tag: be(named("cairn/v1/tag/" + tag)) for tag in ("P", "R", "LEAF", "RID", "IDX")},
        "hashes": {"comm": comm, "comm_r_hot": be(tagged("R", 0, comm)), "leaf_7_hot": be(tagged("LEAF", comm, 7, 0)),
                   "leaf_7_sealed": be(tagged("LEAF", comm, 7, 1)), "comm_p_5_600": be(tagged("P", 5, 600, comm)),
                   "comm_r_sealed_11": be(tagged("R", 11, comm)), "provider": PROVIDER,
                   "replica_id_21_7_99": be(tagged("RID", 21, int(PROVIDER, 16), 7, comm, 99))}})
    sizes = [("data", n) for n in (2, 4, 8, 16, 32, 64, 512)] + [("column", 16), ("replica", 32), ("provider", 256)]
    write("tree.json", {
        "counting_roots": [{"kind": kind, "leaves": n, "root": be(root(kind, list(range(1, n + 1))))}
                           for kind, n in sizes],
        "provider_of_five": be(provider_root([1, 2, 3, 4, 5], 3)), "provider_empty": be(provider_root([], 3)),
        "opening_of_leaf_17_of_32": opening(list(range(1, 33)), 17)})
    write("piece.json", {"pieces": [piece(n) for n in (0, 1, 127, 128, 600, 1024, 1025, 5000, 20000)]})

    def stored(data):
        return "".join(le(x) for x in fr32(data))

    good = stored(pattern(130))
    top_bit = good[:62] + format(int(good[62:64], 16) | 0x40, "02x") + good[64:]
    write("fr32.json", {
        "encoded": [{"bytes": data.hex(), "stored": stored(data)}
                    for data in (b"", b"\x01", b"\xff" * 32, b"\xff" * 127, pattern(127), pattern(130))],
        "refused": [
            {"byte_len": 130, "stored": good[:-2], "because": "elements belong to"},
            {"byte_len": 130, "stored": good[:-64], "because": "elements belong to"},
            {"byte_len": 127, "stored": good, "because": "elements belong to"},
            {"byte_len": 129, "stored": good, "because": "padding"},
            {"byte_len": 130, "stored": top_bit, "because": "element 0"},
            {"byte_len": 130, "stored": good[:-64] + le(R), "because": "element 7 is not canonical"},
            {"byte_len": 130, "stored": good[:-64] + le(2**254), "because": "element 7 uses a bit above"}]})


if __name__ == "__main__":
    main()
