// Golden frames of every message, written from the byte tables of docs/formats.md alone (no code of ours).
// node make.mjs > frames.json
const u8 = (n) => Buffer.from([Number(n)]);
const u16 = (n) => { const b = Buffer.alloc(2); b.writeUInt16LE(Number(n)); return b; };
const u32 = (n) => { const b = Buffer.alloc(4); b.writeUInt32LE(Number(n)); return b; };
const u64 = (n) => { const b = Buffer.alloc(8); b.writeBigUInt64LE(BigInt(n)); return b; };
const fill = (byte, n) => Buffer.alloc(n, byte);
const count = (from, n) => Buffer.from(Array.from({ length: n }, (_, i) => (from + i) & 255));
const text8 = (s) => { const t = Buffer.from(s, "utf8"); return Buffer.concat([u8(t.length), t]); };
const text16 = (t) => Buffer.concat([u16(t.length), t]);
const frame = (kind, ...fields) => {
  const body = Buffer.concat([u8(1), u8(kind), ...fields]);
  return Buffer.concat([u16(body.length), body]).toString("hex");
};
// Elements are canonical as long as their last byte is small.
const element = (from) => Buffer.concat([count(from, 31), u8(0)]);
const terms = [u64(0x0102030405060708n), u8(9), count(0x10, 20), count(0x30, 32), element(0x50), u8(13), u64(260096), u64(1790000000)];
const signature = Buffer.concat([count(0x70, 64), u8(27)]);
const opening = Buffer.concat([u8(2), ...Array.from({ length: 33 }, (_, i) => element(i))]);
const MAX = (1n << 40n) - 1n;
const U64 = (1n << 64n) - 1n;
const cases = [
  ["request", "info", frame(0x01)],
  ["request", "store_piece", frame(0x02, u64(0x0102030405060708n), u8(9), count(0x30, 32), u64(260096))],
  ["request", "store_piece_largest", frame(0x02, u64(U64), u8(255), fill(0xff, 32), u64(MAX))],
  ["request", "accept_piece", frame(0x03, ...terms, signature)],
  ["request", "read_range", frame(0x04, count(0x30, 32), u64(65536), u64(1000))],
  ["request", "read_range_largest", frame(0x04, fill(0xff, 32), u64(MAX), u64(MAX))],
  ["request", "open_leaf", frame(0x05, count(0x30, 32), u64(0x0807))],
  ["request", "relay_segment", frame(0x06, u64(0x0102030405060708n), u8(9), u16(10), u16(30), u8(1), u32(32768), u64(2600960))],
  ["request", "relay_segment_largest", frame(0x06, u64(U64), u8(255), u16(255), u16(256), u8(255), u32(1048576), u64(255n * MAX))],
  ["reply", "node_info", frame(0x81, count(0x10, 20), count(0x20, 20), u64(31337), count(0x40, 20), u8(17), u64(1n << 35n), u64(1790000000), text8("devnet"), text8("cairn-node 0.1.0"))],
  ["reply", "continue", frame(0x82)],
  ["reply", "receipt", frame(0x83, ...terms, signature)],
  ["reply", "accepted", frame(0x84)],
  ["reply", "range_header", frame(0x85, u64(260096), u64(17000))],
  ["reply", "leaf_opening", frame(0x86, u8(8), text16(opening))],
  ["reply", "slot_failed", frame(0x87, u8(29), u8(5), text16(Buffer.from("the holder is busy")))],
  ["reply", "slot_failed_later", frame(0x87, u8(255), u8(7), u32(90), text16(Buffer.from("")))],
  ["reply", "error_bad_request", frame(0xff, u8(1), text16(Buffer.from("no such thing")))],
  ["reply", "error_not_found", frame(0xff, u8(2), text16(Buffer.from("")))],
  ["reply", "error_refused", frame(0xff, u8(3), text16(Buffer.from("slot 9 is not funded")))],
  ["reply", "error_too_large", frame(0xff, u8(4), text16(Buffer.from("größer als erlaubt")))],
  ["reply", "error_busy", frame(0xff, u8(5), text16(Buffer.from("later")))],
  ["reply", "error_internal", frame(0xff, u8(6), text16(Buffer.from("x".repeat(256))))],
  ["reply", "error_later", frame(0xff, u8(7), u32(90), text16(Buffer.from("being unsealed")))],
  ["reply", "error_later_longest", frame(0xff, u8(7), u32(604800), text16(Buffer.from("")))],
];
console.log(JSON.stringify({
  source: "make.mjs beside this file, written from the tables of docs/formats.md",
  frames: cases.map(([direction, name, hex]) => ({ direction, name, hex })),
}, null, 2));
