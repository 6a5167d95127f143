// Holds objects to the schemas of Istio, the Gateway API and Argo Rollouts.
//
// stdin:  {"NAME": OBJECT, ...}
// stdout: {"NAME": ["what is wrong", ...] or null where no package has the kind, ...}
//
// Two judges, for each misses what the other sees: AJV knows alternatives and bounds and lets
// unknown fields pass; TypeScript knows every field and no bounds.

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import ts from "typescript";

const MODULES = join(dirname(fileURLToPath(import.meta.url)), "node_modules");
const PACKAGES = {
  "argoproj.io": "argo-rollouts",
  "extensions.istio.io": "istio",
  "gateway.networking.k8s.io": "gateway-api",
  "networking.istio.io": "istio",
  "security.istio.io": "istio",
  "telemetry.istio.io": "istio",
};

function modelOf({ apiVersion, kind }) {
  const [group] = apiVersion.split("/");
  if (!(group in PACKAGES)) return null;
  const name = `@kubernetes-models/${PACKAGES[group]}/${apiVersion}/${kind}`;
  return existsSync(join(MODULES, `${name}.js`)) ? name : null;
}

async function bySchema(object, model) {
  const models = await import(pathToFileURL(join(MODULES, `${model}.js`)).href);
  try {
    new models[object.kind](object).validate();
    return [];
  } catch (error) {
    return [`schema: ${error.message}`];
  }
}

// Each object is a constant of its kind's type, on a line of its own: so a complaint's line says
// which object it is about.
function byTypes(entries) {
  const file = join(MODULES, "..", "objects.ts");
  const lines = entries.map(([, object, model], index) => {
    const type = `import("${model}").I${object.kind}`;
    return `export const o${index}: ${type} & Meta = ${JSON.stringify(object)};`;
  });
  const meta = "type Meta = { apiVersion: string; kind: string };";
  const text = [meta, ...lines].join("\n");
  const options = {
    module: ts.ModuleKind.Node16,
    moduleResolution: ts.ModuleResolutionKind.Node16,
    noEmit: true,
    skipLibCheck: true,
    strict: true,
    target: ts.ScriptTarget.ES2022,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (name) => name === file || fileExists(name);
  host.getSourceFile = (name, ...rest) =>
    name === file
      ? ts.createSourceFile(name, text, options.target)
      : getSourceFile.call(host, name, ...rest);
  const program = ts.createProgram([file], options, host);
  const source = program.getSourceFile(file);
  return ts.getPreEmitDiagnostics(program).map((found) => {
    const message = ts.flattenDiagnosticMessageText(found.messageText, "; ");
    if (found.file !== source) throw new Error(`${found.file?.fileName}: ${message}`);
    const { line } = source.getLineAndCharacterOfPosition(found.start);
    return [entries[line - 1][0], `type: ${message}`];
  });
}

const objects = JSON.parse(readFileSync(0, "utf8"));
const verdicts = {};
const known = [];
for (const [name, object] of Object.entries(objects)) {
  const model = modelOf(object);
  verdicts[name] = model === null ? null : await bySchema(object, model);
  if (model !== null) known.push([name, object, model]);
}
for (const [name, what] of byTypes(known)) verdicts[name].push(what);
process.stdout.write(JSON.stringify(verdicts));
