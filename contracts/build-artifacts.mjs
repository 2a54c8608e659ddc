// Compiles sol/src with solc-js and writes artifacts/<Contract>.json = {abi, bytecode}.
// `node build-artifacts.mjs` writes; `--check` writes nothing and fails when an artifact differs from the sources.
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const solc = createRequire(import.meta.url)("solc");

// Deployed or called from outside: name -> source.
const CONTRACTS = {
  Verifier: "src/Verifier.sol",
  Beacon: "src/Beacon.sol",
  Providers: "src/Providers.sol",
  Sectors: "src/Sectors.sol",
  Collateral: "src/Collateral.sol",
  Disputes: "src/Disputes.sol",
  Deals: "src/Deals.sol",
  Replicas: "src/Replicas.sol",
  Challenges: "src/Challenges.sol",
  Repairs: "src/Repairs.sol",
  TestToken: "src/dev/TestToken.sol",
};

// The same settings stand in sol/foundry.toml.
const SETTINGS = {
  evmVersion: "prague",
  viaIR: true,
  optimizer: { enabled: true, runs: 200 },
  metadata: { bytecodeHash: "none", appendCBOR: false },
  remappings: [],
};

const MAX_CODE_BYTES = 24576; // EIP-170

function read(name) {
  const root = name.startsWith("@") ? path.join(here, "node_modules") : path.join(here, "sol");
  return fs.readFileSync(path.join(root, name), "utf8");
}

function compile() {
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(Object.values(CONTRACTS).map((name) => [name, { content: read(name) }])),
    settings: {
      ...SETTINGS,
      outputSelection: { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } },
    },
  };
  const output = JSON.parse(
    solc.compile(JSON.stringify(input), {
      import: (name) => {
        try {
          return { contents: read(name) };
        } catch (problem) {
          return { error: String(problem) };
        }
      },
    }),
  );
  const problems = output.errors ?? [];
  for (const problem of problems) console.error(problem.formattedMessage);
  if (problems.length > 0) process.exit(1); // a warning is an error here
  return output.contracts;
}

const contracts = compile();
const folder = path.join(here, "artifacts");
fs.mkdirSync(folder, { recursive: true });
const check = process.argv.includes("--check");
let stale = 0;

for (const [name, source] of Object.entries(CONTRACTS)) {
  const { abi, evm } = contracts[source][name];
  const codeBytes = evm.deployedBytecode.object.length / 2;
  if (codeBytes > MAX_CODE_BYTES) {
    console.error(`${name}: ${codeBytes} bytes of code, the chain allows ${MAX_CODE_BYTES}`);
    process.exit(1);
  }
  const text = JSON.stringify({ abi, bytecode: `0x${evm.bytecode.object}` }, null, 1) + "\n";
  const file = path.join(folder, `${name}.json`);
  const old = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
  if (check && old !== text) {
    console.error(`artifacts/${name}.json differs from the sources: run node build-artifacts.mjs`);
    stale += 1;
  }
  if (!check) fs.writeFileSync(file, text);
  console.log(`${name}: ${codeBytes} bytes`);
}
const strangers = fs.readdirSync(folder).filter((file) => !(path.parse(file).name in CONTRACTS));
for (const file of strangers) {
  console.error(`artifacts/${file} belongs to no contract`);
  stale += 1;
}
process.exit(stale === 0 ? 0 : 1);
