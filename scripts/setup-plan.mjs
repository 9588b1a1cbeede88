/**
 * What setting up needs to decide, as pure functions without dependencies: `setup.mjs` runs before
 * anything is installed.
 */

export const nodeVersionMin = "20.19.0";

/** One sentence where this Node is too old, otherwise `undefined`. */
export function nodeProblem(version, min = nodeVersionMin) {
  const wanted = min.split(".").map(Number);
  const found = version.replace(/^v/, "").split(".").map(Number);
  for (let i = 0; i < wanted.length; i++) {
    if ((found[i] ?? 0) > wanted[i]) return undefined;
    if ((found[i] ?? 0) < wanted[i])
      return `Node ${min} or newer is needed, this is ${version}: install it from https://nodejs.org`;
  }
  return undefined;
}

/** Programs with which better-sqlite3 is compiled where no ready-made binary can be had. */
export const compileTools = [
  { name: "a C++ compiler", programs: ["c++", "g++", "clang++"], debian: "g++" },
  { name: "make", programs: ["make", "gmake"], debian: "make" },
  { name: "Python 3", programs: ["python3"], debian: "python3" },
];

/**
 * One sentence that names the tools that are missing, otherwise `undefined`.
 * @param has whether a program is on the PATH
 */
export function toolProblem(has) {
  const missing = compileTools.filter(({ programs }) => !programs.some(has));
  if (missing.length === 0) return undefined;
  const names = missing.map(({ name }) => name).join(", ");
  const packages = missing.map(({ debian }) => debian).join(" ");
  return `${names} ${missing.length > 1 ? "are" : "is"} missing and better-sqlite3 may have to be compiled: install ${packages} (Debian: apt-get install ${packages})`;
}

/**
 * Does what npm has installed (`node_modules/.package-lock.json`) hold everything the lock file
 * asks for? Optional packages may be for another platform and do not count.
 */
export function isInstalled(lock, hidden) {
  if (!lock?.packages || !hidden?.packages) return false;
  return Object.entries(lock.packages).every(([path, wanted]) => {
    if (path === "" || wanted.optional) return true;
    const found = hidden.packages[path];
    if (!found) return false;
    return found.version === wanted.version && found.integrity === wanted.integrity;
  });
}

/**
 * Which steps are needed.
 * @param mode `start` and `dev` need the console too, `test` only what the tests start
 * @param state `installed`: as `isInstalled`, with native parts present; `stamps`: what earlier runs
 *   wrote (`install`, `abi`, `code`, `console`); `wanted`: the same keys as they should be;
 *   `outputs`: whether the built files of `code` and `console` are there
 * @returns {("install" | "code" | "console")[]} steps in order
 */
export function planSetup(mode, { installed, stamps, wanted, outputs }) {
  const steps = [];
  const otherNode = stamps.abi !== undefined && stamps.abi !== wanted.abi;
  if (!installed || otherNode) steps.push("install");
  if (steps.length > 0 || !outputs.code || stamps.code !== wanted.code) steps.push("code");
  if (mode === "test") return steps;
  if (!outputs.console || stamps.console !== wanted.console) steps.push("console");
  return steps;
}

/**
 * Who holds a lock. A process id alone could have been given to another process since, so where the
 * system tells, the time the process started must match too.
 * @param text what the lock file says
 * @param startOf start mark of a running process by id; `""` where it runs and the system does not
 *   say since when; `undefined` where no such process runs
 * @returns the id of the process that holds it, or `undefined` for a lock left by a dead one
 */
export function lockHolder(text, startOf) {
  let holder;
  try {
    holder = JSON.parse(text);
  } catch {
    return undefined; // written in one step, so what cannot be read was not written by us
  }
  if (!Number.isInteger(holder?.pid) || holder.pid <= 0) return undefined;
  const start = startOf(holder.pid);
  if (start === undefined) return undefined;
  return start === "" || !holder.start || start === holder.start ? holder.pid : undefined;
}

/**
 * Where the headers of this Node lie, so that compiling needs no download; `undefined` where they
 * do not lie beside the binary or belong to another version.
 * @param execPath real path of the Node binary
 * @param read text of a file, or `undefined`
 */
export function headersPrefix(execPath, version, read) {
  const prefix = execPath.split("/").slice(0, -2).join("/") || "/";
  if (read(`${prefix}/include/node/node.h`) === undefined) return undefined;
  const text = read(`${prefix}/include/node/node_version.h`) ?? "";
  const major = /#define\s+NODE_MAJOR_VERSION\s+(\d+)/.exec(text)?.[1];
  return major === version.replace(/^v/, "").split(".")[0] ? prefix : undefined;
}
