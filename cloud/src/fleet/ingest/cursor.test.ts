import { testDatabase } from "@fieldloop/test/support/database";
import fc from "fast-check";
import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import {
  type Cursor,
  emptyCursor,
  hasReceived,
  parseMultirange,
  receive,
  type SeqRange,
  toMultirange,
} from "./cursor.ts";

const range = fc
  .tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 8 }))
  .map(([from, length]): SeqRange => [from, from + length]);
const batches = fc.array(fc.array(range, { maxLength: 8 }), { maxLength: 12 });

function numbersOf(cursor: Cursor): number[] {
  return Array.from({ length: 100 }, (_, i) => i + 1).filter((seq) => hasReceived(cursor, seq));
}

describe("received sequence numbers", () => {
  it("are the same set as a plain set of numbers, in the one canonical form", () => {
    fc.assert(
      fc.property(batches, (all) => {
        const naive = new Set<number>();
        let cursor = emptyCursor;
        for (const ranges of all) {
          for (const [from, to] of ranges) for (let s = from; s <= to; s++) naive.add(s);
          cursor = receive(cursor, ranges);
          expect(numbersOf(cursor)).toEqual([...naive].sort((a, b) => a - b));
          let end = cursor.upTo;
          for (const [from, to] of cursor.beyond) {
            expect(from).toBeGreaterThan(end + 1);
            expect(to).toBeGreaterThanOrEqual(from);
            end = to;
          }
        }
      }),
    );
  });

  it("come out the same whatever the order and however often they arrive", () => {
    fc.assert(
      fc.property(fc.array(range), fc.infiniteStream(fc.nat()), (ranges, picks) => {
        const shuffled = [...ranges, ...ranges].sort(() => (picks.next().value ?? 0) % 2);
        const oneByOne = shuffled.reduce((cursor, r) => receive(cursor, [r]), emptyCursor);
        expect(oneByOne).toEqual(receive(emptyCursor, ranges));
      }),
    );
  });

  it("leave out the highest ranges when there are too many gaps", () => {
    const cursor = receive(
      emptyCursor,
      [
        [2, 2],
        [4, 4],
        [6, 6],
      ],
      2,
    );
    expect(cursor).toEqual({
      upTo: 0,
      beyond: [
        [2, 2],
        [4, 4],
      ],
    });
    expect(
      receive(
        cursor,
        [
          [1, 1],
          [3, 3],
          [6, 6],
        ],
        2,
      ),
    ).toEqual({ upTo: 4, beyond: [[6, 6]] });
  });

  it("ignore ranges that end before they begin", () => {
    expect(receive(emptyCursor, [[5, 3]])).toEqual(emptyCursor);
  });

  it("survive PostgreSQL's multirange type, up to the largest exact number", async () => {
    const { db } = await testDatabase();
    const ranges: SeqRange[] = [
      [3, 4],
      [8, 8],
      [2 ** 53 - 3, 2 ** 53 - 2],
    ];
    const { rows } = await sql<{
      r: string;
    }>`select ${toMultirange(ranges)}::int8multirange as r`.execute(db);
    expect(parseMultirange(rows[0]!.r)).toEqual(ranges);
    expect(parseMultirange("{}")).toEqual([]);
  });
});
