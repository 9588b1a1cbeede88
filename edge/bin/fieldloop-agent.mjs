#!/usr/bin/env node
// The agent stays small with MALLOC_ARENA_MAX=2 and `node --max-semi-space-size=2`; its launcher (a
// systemd unit, a container) sets both, since neither can be set from within a running process.
import { main } from "../dist/main.js";

process.exitCode = await main(process.argv.slice(2));
