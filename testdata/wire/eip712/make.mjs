// Known answers of Cairn's two EIP-712 signatures by somebody else's implementation.
// npm i ethers@6.17.0 && node make.mjs > terms.json
import { TypedDataEncoder, Wallet, SigningKey } from "ethers";
const fields = [
  { name: "deal", type: "uint64" }, { name: "slot", type: "uint8" }, { name: "provider", type: "address" },
  { name: "contentId", type: "bytes32" }, { name: "commP", type: "uint256" }, { name: "b", type: "uint8" },
  { name: "byteLen", type: "uint64" }, { name: "expiry", type: "uint64" },
];
const le = (be) => "0x" + Buffer.from(be.slice(2), "hex").reverse().toString("hex");
const pad = (n) => "0x" + BigInt(n).toString(16).padStart(64, "0");
const R = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n;
const cases = [
  { name: "ordinary", chainId: 31337n, deals: "0xe7f1725e7734ce288f8367e1bb143e90bb3f0512",
    key: "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    t: { deal: 7n, slot: 3, provider: "0x70997970c51812dc3a010c7d01b50e0d17dc79c8", contentId: "0x" + "a5".repeat(32),
         commP: 0x1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdefn, b: 13, byteLen: 260096n, expiry: 1790000000n } },
  { name: "all_zero", chainId: 0n, deals: "0x" + "00".repeat(20),
    key: "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    t: { deal: 0n, slot: 0, provider: "0x" + "00".repeat(20), contentId: "0x" + "00".repeat(32), commP: 0n, b: 0, byteLen: 0n, expiry: 0n } },
  { name: "all_largest", chainId: (1n << 64n) - 1n, deals: "0x" + "ff".repeat(20),
    key: "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    t: { deal: (1n << 64n) - 1n, slot: 255, provider: "0x" + "ff".repeat(20), contentId: "0x" + "ff".repeat(32),
         commP: R - 1n, b: 255, byteLen: (1n << 64n) - 1n, expiry: (1n << 64n) - 1n } },
];
const out = { source: "ethers 6.17.0 (npm), TypedDataEncoder and SigningKey, by make.mjs beside this file", cases: [] };
for (const c of cases) {
  const domain = { name: "Cairn", version: "1", chainId: c.chainId, verifyingContract: c.deals };
  const signer = new SigningKey(c.key);
  const r = TypedDataEncoder.hash(domain, { Receipt: fields }, c.t);
  const a = TypedDataEncoder.hash(domain, { Acceptance: fields }, c.t);
  out.cases.push({ name: c.name, chain_id: c.chainId.toString(), deals: c.deals,
    terms: { deal: c.t.deal.toString(), slot: c.t.slot, provider: c.t.provider, content_id: c.t.contentId.slice(2), comm_p_le: le(pad(c.t.commP)).slice(2),
             b: c.t.b, byte_len: c.t.byteLen.toString(), expiry_unix: c.t.expiry.toString() },
    domain_separator: TypedDataEncoder.hashDomain(domain).slice(2),
    receipt_digest: r.slice(2), acceptance_digest: a.slice(2),
    key: c.key.slice(2), signer: new Wallet(c.key).address.toLowerCase(),
    receipt_signature: signer.sign(r).serialized.slice(2), acceptance_signature: signer.sign(a).serialized.slice(2) });
}
console.log(JSON.stringify(out, null, 2));
