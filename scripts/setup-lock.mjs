/**
 * A lock between processes of one machine, as a file that names its holder. The file appears with
 * its content in one step (a hard link), and one left behind by a dead process is taken over.
 */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { lockHolder } from "./setup-plan.mjs";

/**
 * Takes the lock, waiting while another process holds it.
 * @param onWait called once with the holder's id before waiting
 * @returns a function that gives the lock back
 */
export async function takeLock(path, onWait = () => {}, pollMs = 300) {
  mkdirSync(dirname(path), { recursive: true });
  const mine = JSON.stringify({ pid: process.pid, start: processStart(process.pid) });
  let told = false;
  while (!linkNew(path, mine)) {
    const text = readOrUndefined(path);
    if (text === undefined) continue; // given back in between
    const holder = lockHolder(text, processStart);
    if (holder === undefined) {
      setAside(path, text);
      continue;
    }
    if (!told) onWait(holder);
    told = true;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  return () => {
    if (readOrUndefined(path) === mine) rmSync(path, { force: true });
  };
}

function linkNew(path, content) {
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, content);
  try {
    linkSync(fresh, path);
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    return false;
  } finally {
    rmSync(fresh, { force: true });
  }
}

/** Moves a stale lock away; puts it back where another process has renewed it in the meantime. */
function setAside(path, stale) {
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
    if (readFileSync(aside, "utf8") !== stale) linkSync(aside, path);
  } catch (error) {
    if (error.code !== "ENOENT" && error.code !== "EEXIST") throw error; // another was faster
  } finally {
    rmSync(aside, { force: true });
  }
}

function readOrUndefined(path) {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Start mark of a running process: field 22 of /proc/PID/stat on Linux, elsewhere `""`. */
export function processStart(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code !== "EPERM") return undefined;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return ""; // no /proc here
  }
}
