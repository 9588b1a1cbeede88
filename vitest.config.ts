import { defineConfig } from "vitest/config";

const source = {
  resolve: { conditions: ["source"] },
  ssr: { resolve: { conditions: ["source"] } },
};

/** Heavy suites start real processes, so their files run one after another and may take minutes. */
const suite = (name: string, include: string[], timeoutMs = 180_000) => ({
  ...source,
  test: { name, include, fileParallelism: false, testTimeout: timeoutMs, hookTimeout: timeoutMs },
});

export default defineConfig({
  test: {
    reporters: ["default"],
    projects: [
      {
        ...source,
        test: {
          name: "unit",
          include: [
            "{shared,edge,cloud,deploy,bench,firmware-manifests}/**/*.test.{ts,tsx}",
            "test/*.test.ts",
          ],
          exclude: ["**/node_modules/**", "**/dist/**"],
          globalSetup: ["test/support/postgres-setup.ts"],
          testTimeout: 30_000,
        },
      },
      suite("system", ["test/system/**/*.test.ts"]),
      suite("console", ["test/console/**/*.test.ts"]),
      suite("services", ["test/services/**/*.test.ts"]),
      suite("chaos", ["test/chaos/**/*.test.ts"]),
      suite("arm64", ["test/arm64/**/*.test.ts"], 600_000),
    ],
  },
});
