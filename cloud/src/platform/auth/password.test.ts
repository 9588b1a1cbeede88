import { expect, test } from "vitest";
import { hashPassword, pretendToVerify, verifyPassword } from "./password.ts";

test("a hash holds its parameters and matches only its password", async () => {
  const hash = await hashPassword("correct horse battery");
  expect(hash).toMatch(/^scrypt\$32768\$8\$3\$[\w-]{22}\$[\w-]{43}$/);
  expect(await verifyPassword("correct horse battery", hash)).toBe(true);
  expect(await verifyPassword("correct horse batterz", hash)).toBe(false);
  expect(await pretendToVerify("anything")).toBe(false);
});

test("a hash with older parameters still verifies", async () => {
  // RFC 7914, section 12: scrypt("password", "NaCl", 1024, 8, 16, 64)
  const expected =
    "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640";
  const salt = Buffer.from("NaCl").toString("base64url");
  const hash = Buffer.from(expected, "hex").toString("base64url");
  expect(await verifyPassword("password", `scrypt$1024$8$16$${salt}$${hash}`)).toBe(true);
});
