import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { redact, redactorOf } from "./redact.ts";

describe("redact", () => {
  it.each([
    ["rtsp://admin:pa55@10.0.0.7:554/live", "rtsp://***@10.0.0.7:554/live"],
    ["rtsp://admin:p@55@cam/live failed", "rtsp://***@cam/live failed"],
    ["[in#0] rtsp://admin@cam/1: 401 Unauthorized", "[in#0] rtsp://***@cam/1: 401 Unauthorized"],
    ["HTTP://u:p@cam/?a=1 and ftp://x:y@z", "HTTP://***@cam/?a=1 and ftp://***@z"],
    ["http://cam/video?user=admin&pwd=12&w=640", "http://cam/video?user=***&pwd=***&w=640"],
    ["http://cam/mjpg?api_key=abc;x=1", "http://cam/mjpg?api_key=***;x=1"],
    ["http://cam/live", "http://cam/live"],
    ["mail to ops@example.org", "mail to ops@example.org"],
  ])("%s becomes %s", (text, safe) => {
    expect(redact(text)).toBe(safe);
  });

  it("leaves no password of any URL in any text", () => {
    const word = fc.string({ minLength: 8, maxLength: 20, unit: fc.constantFrom(..."kqxz@:%&=") });
    const part = word.map(encodeURIComponent);
    fc.assert(
      fc.property(part, part, fc.string(), (name, password, around) => {
        const url = `rtsp://${name}:${password}@camera/live?x=1`;
        const safe = redactorOf([url])(`${around} ${url} ${decodeURIComponent(password)}`);
        expect(safe).not.toContain(password);
        expect(safe).not.toContain(decodeURIComponent(password));
      }),
    );
  });

  it("finds the password on its own, as programs print it", () => {
    const safe = redactorOf(["rtsp://admin:hunter22@cam/", "no url"]);
    expect(safe("Authorization failed for admin/hunter22 at rtsp://admin:hunter22@cam/")).toBe(
      "Authorization failed for admin/*** at rtsp://***@cam/",
    );
  });
});
