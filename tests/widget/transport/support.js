/**
 * Real servers on this machine with scripted answers, and a clock that only the test moves: nothing here sleeps.
 */
import http from "node:http";
import net from "node:net";
import { once } from "node:events";
import { ChatAPI } from "../../../static/widget/src/chat_api.js";

export const KEY = "pk_test_of_a_page";
export const MESSAGES = [{ role: "user", content: "Which teas are there?" }];

/** A clock that stands still until it is told to go on. */
export class FakeTimers {
  #now = 1_700_000_000_000;
  #due = new Map();
  #next = 1;
  #waiting = [];
  set = 0;

  now = () => this.#now;
  setTimeout = (work, ms) => {
    this.#due.set(this.#next, { at: this.#now + ms, work });
    this.set += 1;
    this.#waiting = this.#waiting.filter(({ count, tell }) => this.set < count || tell());
    return this.#next++;
  };
  clearTimeout = (id) => void this.#due.delete(id);

  get pending() {
    return this.#due.size;
  }

  advance(ms) {
    this.#now += ms;
    for (const [id, { at, work }] of [...this.#due]) {
      if (at > this.#now || !this.#due.delete(id)) continue;
      work();
    }
  }

  /** Time that passes in a page which sleeps: timers are late by all of it. */
  wake = this.advance;

  /** Until so many timers have been set in all: a way to see that bytes were noticed. */
  async armed(count) {
    if (this.set < count) await new Promise((tell) => this.#waiting.push({ count, tell }));
  }
}

/** A server that answers by `handle(request, response, body, index)`; what came is in `requests`. */
export async function serve(t, handle) {
  const requests = [];
  const server = http.createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    const text = Buffer.concat(parts).toString();
    const { method, url, headers } = request;
    const body = text ? JSON.parse(text) : undefined;
    const closed = once(response, "close");
    requests.push({ method, url, headers, body, closed });
    await handle({ method, url, headers }, response, body, requests.length - 1);
  });
  return { requests, baseUrl: await listening(t, server, () => server.closeAllConnections()) };
}

/** A server of raw bytes: `handle(socket, index)` once a request's head has come. */
export async function serveRaw(t, handle) {
  const sockets = [];
  const server = net.createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    const index = sockets.length - 1;
    socket.once("data", () => handle(socket, index));
  });
  const end = () => sockets.forEach((socket) => socket.destroy());
  return { sockets, baseUrl: await listening(t, server, end) };
}

async function listening(t, server, end) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    end();
  });
  return `http://127.0.0.1:${server.address().port}`;
}

/** An address where nobody listens. */
export async function nobody(t) {
  const server = net.createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return `http://127.0.0.1:${port}`;
}

export const chunk = (content, finish_reason = null, more = {}) =>
  event({
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    created: 7,
    model: "mock",
    choices: [{ index: 0, delta: content === null ? {} : { content }, finish_reason }],
    ...more,
  });
export const event = (value) => `data: ${JSON.stringify(value)}\n\n`;
export const DONE = "data: [DONE]\n\n";
export const WHOLE = [chunk("Green"), chunk(" tea."), chunk(null, "stop"), DONE];
export const completion = (content, more = {}) => ({
  id: "chatcmpl-2",
  object: "chat.completion",
  created: 7,
  model: "mock",
  choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
  ...more,
});

/** Begins a stream; the parts are sent, and it is left open. */
export function begin(response, parts = [], headers = {}) {
  response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8", ...headers });
  response.flushHeaders();
  for (const part of parts) response.write(part);
}

export function stream(response, parts = WHOLE, headers = {}) {
  begin(response, parts, headers);
  response.end();
}

export function json(response, status, body, headers = {}) {
  response.writeHead(status, { "Content-Type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

export const refuse = (response, status, code, headers = {}, type = "server_error") =>
  json(response, status, { error: { message: `This is ${code}.`, type, param: null, code } }, headers);

/** An API with its own clock; `seen` is what its listeners were told. */
export function visitor(baseUrl, options = {}) {
  const timers = new FakeTimers();
  const seen = { chunks: [], states: [], citations: [] };
  const api = new ChatAPI({ baseUrl, key: KEY, timers, ...options });
  const listeners = {
    onChunk: (delta, whole) => seen.chunks.push([delta, whole]),
    onState: (progress) => {
      seen.states.push(progress.state);
      if (progress.state === "retrying") progress.now();
    },
    onCitations: (list) => seen.citations.push(list),
  };
  const ask = (more = {}) => api.sendMessage(MESSAGES, { ...listeners, ...more });
  return { api, timers, seen, listeners, ask };
}

/** The error that a promise fails with. */
export async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}
