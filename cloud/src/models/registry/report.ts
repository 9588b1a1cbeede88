/** The compile report that belongs to a version: a blob that a push names and the console shows. */
import { readFile } from "node:fs/promises";
import { AppError } from "@fieldloop/shared/errors";
import { type CompileReport, compileReport } from "@fieldloop/shared/manifest/compile-report";
import type { Platform } from "../../platform/context.ts";
import { readManifest } from "./reads.ts";

type Blobs = Platform["blobs"];

/** A network of 20,000 nodes has a report of about a tenth of this. */
const reportBytesMax = 16 * 1024 * 1024;

/**
 * Checks a report that a push names.
 * @throws AppError 422 `model-rejected` where it is not on the server or is no report
 */
export async function checkReport(
  blobs: Blobs,
  digest: string,
): Promise<{ readonly digest: string; readonly bytes: number }> {
  const bytes = await blobs.size(digest);
  if (bytes === undefined)
    throw rejected(
      `the compile report ${digest.slice(0, 12)} is not on the server; upload it first (PUT /api/v1/blobs/${digest})`,
    );
  if (bytes > reportBytesMax)
    throw rejected(`the compile report has ${bytes} bytes; at most ${reportBytesMax} are allowed`);
  const report = await parse(blobs, digest);
  if (report !== undefined) return { digest, bytes };
  throw rejected(
    `the compile report ${digest.slice(0, 12)} is none that this server reads (fieldloop.compile-report/2); compile again`,
  );
}

/** The report of a version that exists. @throws AppError 404 where it was not compiled */
export async function reportOf(
  { db, blobs }: Platform,
  name: string,
  version: string,
): Promise<CompileReport> {
  const { report } = await readManifest(db, name, version);
  const found = report === undefined ? undefined : await parse(blobs, report.digest);
  if (found !== undefined) return found;
  throw new AppError({
    code: "no-report",
    status: 404,
    message: `${name} ${version} has no compile report: it was pushed as it was`,
  });
}

async function parse(blobs: Blobs, digest: string): Promise<CompileReport | undefined> {
  const text = await readFile(blobs.path(digest), "utf8");
  try {
    return compileReport.parse(JSON.parse(text));
  } catch {
    return undefined; // the callers say what that means for them
  }
}

function rejected(message: string): AppError {
  return new AppError({
    code: "model-rejected",
    status: 422,
    message: `the push cannot be registered: ${message}`,
    detail: { errors: [{ path: "report", message }] },
  });
}
