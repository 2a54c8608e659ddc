// Runs Slither over sol/src and compares what it finds with slither-answers.json: detector -> where -> how often.
// A finding that is not answered there fails, and so does an answer to nothing. docs/threats.md says why each is none.
// `pip install slither-analyzer==0.11.6` provides `slither` (or set SLITHER to it). `--write` rewrites the answers.
//
// solc-js makes syntax trees alone (no code: seconds instead of minutes), written as the build-info Slither reads. It is
// told that Hardhat made them, because for Foundry's it asks forge.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const VERSION = "0.11.6";
const here = path.dirname(fileURLToPath(import.meta.url));
const solc = createRequire(import.meta.url)("solc");
const answersFile = path.join(here, "slither-answers.json");
const slither = process.env.SLITHER ?? "slither";

function fail(message) {
  console.error(`slither.mjs: ${message}`);
  process.exit(1);
}

/** Text of a source by the name that imports resolve to. */
function read(name) {
  return fs.readFileSync(path.join(here, name.startsWith("node_modules/") ? "" : "sol", name), "utf8");
}

/** The build-info of all sources below sol/src, as Hardhat would write it. */
function buildInfo() {
  const names = fs.readdirSync(path.join(here, "sol", "src"), { recursive: true });
  const sources = names.filter((name) => name.endsWith(".sol")).map((name) => path.posix.join("src", name));
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(sources.map((name) => [name, { content: read(name) }])),
    settings: {
      evmVersion: "prague",
      viaIR: true,
      remappings: ["@openzeppelin/=node_modules/@openzeppelin/"],
      outputSelection: { "*": { "": ["ast"], "*": ["abi", "devdoc", "userdoc"] } },
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: (name) => ({ contents: read(name) }) }));
  for (const problem of output.errors ?? []) console.error(problem.formattedMessage);
  if (output.errors?.length) fail("the sources do not compile without warnings");
  // The reader wants these fields; no detector looks at code.
  const none = { object: "", sourceMap: "" };
  for (const contracts of Object.values(output.contracts)) {
    for (const one of Object.values(contracts)) one.evm = { bytecode: none, deployedBytecode: none };
  }
  return { solcVersion: solc.version().split("+")[0], input, output };
}

/** Slither's findings on the sources. */
function findings() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "cairn-slither-"));
  try {
    fs.mkdirSync(path.join(folder, "build-info"));
    fs.writeFileSync(path.join(folder, "build-info", "cairn.json"), JSON.stringify(buildInfo()));
    const report = path.join(folder, "report.json");
    const run = spawnSync(
      slither,
      [
        "sol",
        "--config-file",
        "slither.config.json",
        "--hardhat-artifacts-directory",
        path.relative(path.join(here, "sol"), folder),
        "--json",
        report,
      ],
      { cwd: here, encoding: "utf8" },
    );
    if (run.error || !fs.existsSync(report)) fail(`${slither} did not run: ${run.error ?? run.stderr}`);
    const read = JSON.parse(fs.readFileSync(report, "utf8"));
    if (!read.success) fail(`${slither} failed: ${read.error}`);
    if (!run.stderr.includes("analyzed (")) fail(`${slither} analyzed nothing: ${run.stderr}`);
    return read.results.detectors ?? [];
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

/** Where a finding is: contract and function, or the name of what stands outside of one. */
function place(finding) {
  let element = finding.elements[0];
  if (element.type === "node" || element.type === "variable") {
    const parent = element.type_specific_fields?.parent;
    if (parent?.type === "function") element = parent;
  }
  const parent = element.type_specific_fields?.parent;
  return parent?.type === "contract" ? `${parent.name}.${element.name}` : element.name;
}

function count(all) {
  const counted = {};
  for (const finding of all) {
    const where = (counted[finding.check] ??= {});
    where[place(finding)] = (where[place(finding)] ?? 0) + 1;
  }
  const sorted = (object, map) =>
    Object.fromEntries(Object.keys(object).sort().map((key) => [key, map(object[key])]));
  return sorted(counted, (where) => sorted(where, (times) => times));
}

const version = spawnSync(slither, ["--version"], { encoding: "utf8" });
if (version.error) fail(`${slither} is missing: pip install slither-analyzer==${VERSION}, or set SLITHER`);
if (version.stdout.trim() !== VERSION) fail(`Slither ${version.stdout.trim()}, the answers are for ${VERSION}`);

const all = findings();
const found = count(all);
if (process.argv.includes("--write")) {
  fs.writeFileSync(answersFile, JSON.stringify(found, null, 2) + "\n");
}
const answered = JSON.parse(fs.readFileSync(answersFile, "utf8"));
let problems = 0;
for (const check of new Set([...Object.keys(found), ...Object.keys(answered)])) {
  for (const where of new Set([...Object.keys(found[check] ?? {}), ...Object.keys(answered[check] ?? {})])) {
    const [got, expected] = [found[check]?.[where] ?? 0, answered[check]?.[where] ?? 0];
    if (got === expected) continue;
    problems += 1;
    console.error(`${check} in ${where}: found ${got}, answered ${expected}`);
    for (const one of all) if (one.check === check && place(one) === where) console.error(one.description);
  }
}
console.log(`Slither ${VERSION}: ${all.length} findings, ${problems} places not as answered in slither-answers.json`);
process.exit(problems === 0 ? 0 : 1);
