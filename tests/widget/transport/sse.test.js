import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { EventStreamDecoder, EventTooLarge } from "../../../static/widget/src/sse.js";

const CASES = JSON.parse(readFileSync(new URL("../../fixtures/sse/sse_cases.json", import.meta.url), "utf8"));
const bytes = (text) => new TextEncoder().encode(text);

function decode(pieces, options) {
  const decoder = new EventStreamDecoder(options);
  return pieces.flatMap((piece) => decoder.feed(piece));
}

/** The same bytes cut at these places. */
const cut = (whole, places) => [0, ...places].map((from, i) => whole.subarray(from, places[i] ?? whole.length));

/** A repeatable source of numbers below one. */
function* numbers(seed) {
  for (;;) yield (seed = (seed * 1103515245 + 12345) % 2 ** 31) / 2 ** 31;
}

function randomCuts(length, random) {
  const places = Array.from({ length: 12 }, () => Math.floor(random.next().value * length));
  return places.sort((a, b) => a - b);
}

describe("cases that a browser's EventSource decided", () => {
  const random = numbers(7);
  for (const { name, chunks_base64, expected } of CASES) {
    const chunks = chunks_base64.map((piece) => new Uint8Array(Buffer.from(piece, "base64")));
    const whole = new Uint8Array(Buffer.concat(chunks));
    test(name, () => {
      assert.deepEqual(decode(chunks), expected);
      assert.deepEqual(decode([whole]), expected);
      const step = whole.length > 5000 ? 331 : 1; // 64 KB at each byte would be gigabytes
      for (let at = 0; at <= whole.length; at += step) assert.deepEqual(decode(cut(whole, [at])), expected);
      assert.deepEqual(decode([...whole].map((byte) => Uint8Array.of(byte))), expected);
      for (let n = 0; n < 50; n++) assert.deepEqual(decode(cut(whole, randomCuts(whole.length, random))), expected);
    });
  }
});

test("empty pieces change nothing, also between a CR and its LF", () => {
  const pieces = ["data: a\r", "", "\n", "", "\r", "", "\n"].map(bytes);
  assert.deepEqual(decode(pieces).map(({ data }) => data), ["a"]);
});

test("an event of 10 MB in pieces of 100 bytes takes no more than its share", () => {
  const piece = bytes("x".repeat(100));
  const decoder = new EventStreamDecoder({ cap: 2 ** 24 });
  const start = performance.now();
  decoder.feed(bytes("data: "));
  for (let n = 0; n < 100_000; n++) decoder.feed(piece);
  const [event] = decoder.feed(bytes("\n\n"));
  assert.equal(event.data.length, 10_000_000);
  assert.ok(performance.now() - start < 3000, "quadratic");
});

test("an event of many short lines is linear too", () => {
  const line = bytes("data: x\n");
  const decoder = new EventStreamDecoder();
  const start = performance.now();
  for (let n = 0; n < 200_000; n++) decoder.feed(line);
  assert.equal(decoder.feed(bytes("\n"))[0].data.length, 399_999);
  assert.ok(performance.now() - start < 3000, "quadratic");
});

test("an event over the cap is an error, then and later", () => {
  const decoder = new EventStreamDecoder({ cap: 20 });
  assert.equal(decoder.feed(bytes("data: short\n\n")).length, 1);
  decoder.feed(bytes("data: not yet"));
  assert.throws(() => decoder.feed(bytes(" over the cap")), EventTooLarge);
  assert.throws(() => decoder.feed(bytes("\n\ndata: a\n\n")), /more than 20 characters/);
});

test("many short lines without an end are capped as one event", () => {
  const decoder = new EventStreamDecoder({ cap: 100 });
  assert.throws(() => {
    for (let n = 0; n < 100; n++) decoder.feed(bytes("data: x\n"));
  }, EventTooLarge);
});

test("events of one piece count each for itself", () => {
  const events = decode([bytes("data: 0123456789\n\n".repeat(100))], { cap: 20 });
  assert.equal(events.length, 100);
});

test("a comment counts as bytes that came", () => {
  const decoder = new EventStreamDecoder();
  assert.deepEqual(decoder.feed(bytes(":\n\n")), []);
  assert.equal(decoder.bytes, 3);
});
