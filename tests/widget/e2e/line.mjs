/**
 * Bad lines between a browser and the server. A lost packet is sent again by TCP: to an application it is a piece that
 * comes late, and all behind it waits. What is random has a seed, so that a bad day can be had again.
 */
import { createServer as createHttpServer, request } from "node:http";
import { connect, createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

/** What fits into a packet. */
const PACKET_BYTES = 1400;
const RESENT_MS = 1000;

/**
 * A line that is late and loses packets.
 * @param {string} base where the server is
 * @param {{ delayMs?: number, loss?: number, seed?: number }} [faults] delay each way; of 1 packet, what is lost
 */
export async function startLine(base, { delayMs = 0, loss = 0, seed = 1 } = {}) {
  const { port } = new URL(base);
  const random = seeded(seed);
  let lost = 0;
  const late = () => {
    const isLost = random() < loss;
    lost += Number(isLost);
    return delayMs + (isLost ? RESENT_MS : 0);
  };
  const ends = new Set();
  const server = createServer((browser) => {
    const there = connect({ port, host: "127.0.0.1" });
    carry(browser, there, late);
    carry(there, browser, late);
    for (const end of [browser, there]) ends.add(end.on("close", () => ends.delete(end)));
  });
  /** @param {"reset" | "close"} how */
  const cut = (how) => ends.forEach((end) => (how === "reset" ? end.resetAndDestroy() : end.destroy()));
  return { base: await address(server), lost: () => lost, cut, stop: () => server.close() && cut("reset") };
}

/** Carry what comes from one socket to the other, packet by packet, in order. */
function carry(from, to, late) {
  let carried = Promise.resolve();
  const later = (work) => {
    const due = Date.now() + late();
    carried = carried.then(() => pause(due - Date.now())).then(work);
  };
  from.on("data", (bytes) => packets(bytes).forEach((packet) => later(() => to.destroyed || to.write(packet))));
  from.on("end", () => later(() => to.end()));
  from.on("error", () => to.destroy());
}

function packets(bytes) {
  const count = Math.ceil(bytes.length / PACKET_BYTES);
  return Array.from({ length: count }, (_, n) => bytes.subarray(n * PACKET_BYTES, (n + 1) * PACKET_BYTES));
}

/** Numbers from 0 to 1, the same for the same seed: mulberry32. */
const seeded = (state) => () => {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};

/**
 * A proxy that reads all, and sends nothing on before it has the whole of a response, as company networks and virus scanners do.
 * @param {string} base where the server is
 * @param {(body: Buffer, path: string) => Buffer} [change] what it makes of a response
 */
export async function startBufferingProxy(base, change = (body) => body) {
  const { port } = new URL(base);
  const server = createHttpServer((asked, answer) => {
    const { method, url: path } = asked;
    const headers = { ...asked.headers, "accept-encoding": "identity" };
    const passed = request({ host: "127.0.0.1", port, method, path, headers }, async (response) => {
      const body = change(Buffer.concat(await response.toArray()), path);
      const { "transfer-encoding": _, ...rest } = response.headers;
      answer.writeHead(response.statusCode, { ...rest, "content-length": body.length }).end(body);
    });
    asked.pipe(passed);
  });
  return { base: await address(server), stop: () => server.close() && server.closeAllConnections() };
}

async function address(server) {
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return `http://127.0.0.1:${server.address().port}`;
}
