/**
 * A program that writes pictures as a camera does, and does what it is told over a socket:
 * `node faulty-camera.mjs PORT`. Commands, one a line: die, kill, hang, garbage, cut, resize, flood,
 * chatter.
 */
import { connect } from "node:net";

const periodMs = 50;
let width = 32;
let isHanging = false;
let frames = 0;

const write = (bytes) => new Promise((done) => process.stdout.write(bytes, done));
function picture() {
  const height = (width * 3) / 4;
  const pixels = Buffer.alloc(3 * width * height, frames++ % 256);
  return Buffer.concat([Buffer.from(`P6 ${width} ${height} 255\n`), pixels]);
}

const commands = {
  die: () => process.exit(1),
  kill: () => process.kill(process.pid, "SIGKILL"),
  hang: () => {
    isHanging = true;
  },
  garbage: () => write(Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7919) % 80))),
  cut: () => write(picture().subarray(0, 500)),
  resize: () => {
    width = width === 32 ? 64 : 32;
  },
  flood: async () => {
    for (let i = 0; i < 300; i++) await write(picture());
  },
  chatter: () => process.stderr.write("warning: deprecated pixel format used\n".repeat(30_000)),
};

const socket = connect(Number(process.argv[2]), "127.0.0.1");
socket.setEncoding("utf8").on("data", (lines) => {
  for (const line of lines.split("\n")) commands[line]?.();
});
socket.on("close", () => process.exit(0));

for (;;) {
  if (!isHanging) await write(picture());
  await new Promise((done) => setTimeout(done, periodMs));
}
