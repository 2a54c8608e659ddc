#!/usr/bin/env python3
"""Writes the committed corpus: a few honest inputs a target, from the known answers under testdata/. Run in fuzz/."""
import json
import pathlib
import sys

sys.path.insert(0, "../testdata/merkle")
sys.dont_write_bytecode = True
from make import CHUNK_START, IV, PARENT, ROOT, blake3, compress32, fr32, opening, pattern, words_of  # noqa: E402

CHUNK_END = 2
GROUP = 16 * 1024
DATA = pathlib.Path("../testdata")


def seed(target, name, data):
    folder = pathlib.Path("corpus") / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def words_to_bytes(cv):
    return b"".join(word.to_bytes(4, "little") for word in cv)


def subtree(data, start, end):
    """The chaining value of chunks that are not the whole content."""
    if end - start <= 1024:
        blocks, cv = [data[start:end][i:i + 64] for i in range(0, end - start, 64)], IV
        for i, block in enumerate(blocks):
            flags = (CHUNK_START if i == 0 else 0) | (CHUNK_END if i == len(blocks) - 1 else 0)
            cv = compress32(cv, words_of(block), start // 1024, len(block), flags)
        return cv
    middle = start + left_bytes(end - start)
    return compress32(IV, subtree(data, start, middle) + subtree(data, middle, end), 0, 64, PARENT)


def left_bytes(length):
    half = 1024
    while half * 2 < length:
        half *= 2
    return half


def encode(data, start, end, first, last):
    """The nodes and groups, in pre-order, that bytes first..last touch."""
    if last <= start or end <= first:
        return b""
    if end - start <= GROUP:
        return data[start:end]
    middle = start + left_bytes(end - start)
    node = words_to_bytes(subtree(data, start, middle) + subtree(data, middle, end))
    return node + encode(data, start, middle, first, last) + encode(data, middle, end, first, last)


def u16(x):
    return x.to_bytes(2, "little")


def merkle():
    leaves = list(range(1, 33))
    for index in (0, 17):
        seed("merkle_verify_opening", f"leaf_{index}", bytes([index]) + bytes.fromhex(opening(leaves, index)))
    for length in (0, 1, 127, 300):
        stored = b"".join(x.to_bytes(32, "little") for x in fr32(pattern(length)))
        seed("merkle_decode_fr32", f"{length}_bytes", u16(length) + stored)
    content = pattern(40_000)
    middle = left_bytes(len(content))
    top = subtree(content, 0, middle) + subtree(content, middle, len(content))
    assert words_to_bytes(compress32(IV, top, 0, 64, PARENT | ROOT)) == blake3(content)
    for name, first, length in (("first_byte", 0, 1), ("last_group", 33_000, 7_000), ("across", 16_000, 1_000)):
        head = len(content).to_bytes(4, "little") + u16(first) + u16(length) + u16(5_000)
        seed("merkle_verify_range", name, head + encode(content, 0, len(content), first, first + length))


def wire():
    for frame in json.loads((DATA / "wire/messages/frames.json").read_text())["frames"]:
        seed("wire_decode_message", frame["name"], bytes.fromhex(frame["hex"]))


def erasure():
    for name, k, n, losses in (("2_of_3", 2, 3, 0b001), ("4_of_8", 4, 8, 0b10110100), ("10_of_30", 10, 30, 0xFFFFF)):
        seed("erasure_rebuild", name, bytes([k, n, 15]) + losses.to_bytes(4, "little") + b"\7" + pattern(400))


def prover():
    cases = json.loads((DATA / "prover/groth16/toy.json").read_text())["cases"]
    for number, case in enumerate(cases):
        seed("prover_decode_proof", f"toy_{number}", bytes.fromhex(case["proof"][2:]))
    vanilla = bytes.fromhex(json.loads((DATA / "prover/replica/vanilla.json").read_text())["bytes"][2:])
    seed("prover_decode_vanilla_proof", "honest", vanilla)
    seed("prover_decode_vanilla_proof", "another_comm_c", vanilla[:1] + bytes(32) + vanilla[33:])
    seed("prover_decode_vanilla_proof", "cut", vanilla[:-1])
    case = cases[0]
    key = bytes.fromhex(case["vk"][2:])
    identity = b"test".ljust(16, b"\0") + b"toy".ljust(16, b"\0") + bytes.fromhex(case["circuit_id"])
    for magic in (b"CAIRNVFY", b"CAIRNKEY"):
        head = magic + (1).to_bytes(4, "little") * 2 + identity + len(key).to_bytes(8, "little") + bytes(16)
        head += blake3(key)
        seed("prover_open_key_file", magic.decode().lower(), head + blake3(head) + key)
    for name, layers, done in (("fresh", 2, 0), ("half", 8, 3), ("whole", 2, 2)):
        digests = b"".join(blake3(bytes([layer])) for layer in range(done)) + bytes(32 * (layers - done))
        record = b"cairnSL1" + blake3(b"parameters") + (77).to_bytes(32, "little") + bytes([layers, done]) + digests
        seed("prover_decode_seal_state", name, record + blake3(record))
        seed("prover_decode_seal_state", f"{name}_unsigned", record)


merkle()
wire()
erasure()
prover()
