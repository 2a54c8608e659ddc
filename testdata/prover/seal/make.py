#!/usr/bin/env python3
"""Writes labels, replica and roots of two sealed sectors, from the definitions alone: shares no code and no library with
the Rust implementation. Graph, Poseidon2 and trees are the plain Python of ../graph/make.py and ../../merkle/make.py.
Hundreds of thousands of labels are hashed with the package `blake3` (pip install blake3) after both have agreed on one of
each kind; without the package it takes some twenty minutes. Run in this folder; the files must not change."""
import importlib.util
import json
import sys

sys.dont_write_bytecode = True


def room(name):
    """The script of another folder; that of the graph looks for the first one itself."""
    spec = importlib.util.spec_from_file_location(name.replace("/", "_"), f"../../{name}/make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


merkle, graph = room("merkle"), room("prover/graph")
R, N_LAYERS, PLAIN = merkle.R, 2, graph.keyed
POREP_ID, PROVIDER, NUMBER, TICKET = 21, merkle.PROVIDER, 7, 99

try:
    import blake3
except ImportError:
    blake3 = None


def plain(key, data, words):
    return b"".join(word.to_bytes(4, "little") for word in PLAIN(key, data, words))


def keyed(key, data, words=8):
    if blake3 is None:
        return plain(key, data, words)
    return blake3.blake3(data, key=key).digest(length=4 * words)


def check_both_blake3():
    for length, words in ((8, 16), (448, 8)):
        key, data = bytes(range(32)), merkle.pattern(length)
        assert keyed(key, data, words) == plain(key, data, words)


def fast_words(key, data, out_words=8):
    digest = keyed(key, data, out_words)
    return [int.from_bytes(digest[i:i + 4], "little") for i in range(0, len(digest), 4)]


def label_layers(log2, seed, replica_id):
    layers = []
    for layer in range(1, N_LAYERS + 1):
        row = []
        for v in range(2 ** log2):
            key = replica_id.to_bytes(32, "little")[:27] + bytes([layer]) + v.to_bytes(4, "little")
            zero = bytes(32)
            same = [row[p] for p in graph.drg_parents(seed, v)] if v else [zero] * 6
            below = [layers[-1][p] for p in graph.expander_parents(log2, v)] if layers else [zero] * 8
            label = bytearray(keyed(key, b"".join(same + below)))
            label[31] &= 0x3F
            row.append(bytes(label))
        layers.append(row)
    return layers


def sector(name, log2):
    leaves = merkle.fr32(merkle.pattern(127 * 2 ** log2 // 4))
    comm_d = merkle.root("data", leaves)
    replica_id = merkle.tagged("RID", POREP_ID, int(PROVIDER, 16), NUMBER, comm_d, TICKET)
    layers = label_layers(log2, graph.seed_of(name), replica_id)
    columns = [int.from_bytes(row[v], "little") for v in range(2 ** log2) for row in layers]
    replica = [(d + columns[N_LAYERS * v + N_LAYERS - 1]) % R for v, d in enumerate(leaves)]
    comm_c, r_root = merkle.root("column", columns), merkle.root("replica", replica)
    shown = sorted({0, 1, 2, 3, 17, 2 ** log2 // 2, 2 ** log2 - 1})
    write(f"{name}.json", {
        "set": name, "porep_id": POREP_ID, "provider": PROVIDER, "sector_number": NUMBER, "ticket": TICKET,
        "comm_d": merkle.be(comm_d), "replica_id": merkle.be(replica_id),
        "labels": [{"layer": layer, "v": v, "label": row[v].hex()} for layer, row in enumerate(layers, 1) for v in shown],
        "layer_blake3": [plain_hash(b"".join(row)) for row in layers],
        "replica": [{"v": v, "leaf": merkle.le(replica[v])} for v in shown],
        "comm_c": merkle.be(comm_c), "r_root": merkle.be(r_root), "comm_r": merkle.be(merkle.tagged("R", comm_c, r_root))})


def plain_hash(data):
    return (merkle.blake3(data) if blake3 is None else blake3.blake3(data).digest()).hex()


def write(name, value):
    with open(name, "w") as file:
        json.dump(value, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    check_both_blake3()
    graph.keyed = fast_words
    sector("test", 8)
    sector("small", 16)
