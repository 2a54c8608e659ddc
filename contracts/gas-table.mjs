// Writes docs/bench/contracts.md from sol/snapshots/contracts.json; `--check` writes nothing and fails when it differs.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const gas = JSON.parse(fs.readFileSync(path.join(here, "sol/snapshots/contracts.json"), "utf8"));
const file = path.join(here, "../docs/bench/contracts.md");

const number = (value) => Number(value).toLocaleString("en-US");
// Rows of the table of batches are named "<call>, <two digits>"; all others stand in the table of calls.
const isBatch = (name) => /, \d\d$/.test(name);
const rows = Object.entries(gas)
  .filter(([name]) => !isBatch(name))
  .map(([name, value]) => `| ${name} | ${number(value)} |`);
const sizes = Object.keys(gas)
  .filter((name) => name.startsWith("proveReplica, "))
  .map((name) => name.slice(-2));
const batches = sizes.map((size) => {
  const execution = Number(gas[`verifyBatch, ${size}`]);
  const cells = [gas[`proveReplica, ${size}`], execution, Math.round(execution / size)];
  return `| ${Number(size)} | ${cells.map(number).join(" | ")} |`;
});
const text = `# Gas of the contracts

Each row is one whole transaction (21,000 and calldata included) with the real verifier, keys of the real sizes, a
provider tree of three levels and two places in \`include\`, EVM rules of Prague, solc 0.8.37 with the settings of
\`contracts/sol/foundry.toml\`. Made by \`test/*Gas.t.sol\`; \`test/Gas.t.sol\` also asserts that a window proof stays below 300,000 gas:

\`\`\`
cd contracts/sol && FOUNDRY_PROFILE=gas ../foundry.sh forge test --match-contract GasTest
cd contracts && node gas-table.mjs
\`\`\`

| call | gas |
|---|---|
${rows.join("\n")}

A proof of replication by its partitions (seven public inputs each): the whole transaction \`proveReplica\`, and the
execution of \`verifyBatch\` with the same proofs, without the 21,000 and the calldata. \`test/ReplicaGas.t.sol\` asserts
that from ten proofs on each costs at most 95,000 gas of execution.

| partitions | proveReplica | verifyBatch, execution | per proof |
|---|---|---|---|
${batches.join("\n")}

What the rows say:

- A window proof costs the same for 1, 100 (really appended) and 4,096 sectors (root and count set by the test). A proof
  that follows the one of the period before lengthens a run of periods in place; one after a gap writes one new word.
- Settlement is two binary searches over the runs of proven periods: a tree with 16,384 gaps costs 14 steps each.
- A deal stores six words and the hash of its slots, so \`openMany\` grows with calldata and the event only.
- About 201,000 gas of each proof with three inputs is the verification itself; the pairing of four pairs is 168,100.
`;

if (process.argv.includes("--check")) {
  if (fs.readFileSync(file, "utf8") !== text) {
    console.error("docs/bench/contracts.md differs from the gas snapshot: run node gas-table.mjs");
    process.exit(1);
  }
} else {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
}
