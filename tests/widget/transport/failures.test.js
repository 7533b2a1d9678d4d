import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ChatError } from "../../../static/widget/src/failures.js";
import { begin, chunk, DONE, event, failure, json, nobody, refuse, serve, serveRaw, stream, visitor, WHOLE } from "./support.js";

const error = (code, type = "upstream_error") => event({ error: { message: `This is ${code}.`, type, param: null, code } });
const streaming = (t, parts) => serve(t, (_, response) => stream(response, parts));
const HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const sized = (text) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

/** Without retries: how a single attempt fails. */
const single = (baseUrl, options) => visitor(baseUrl, { retries: 0, ...options });

describe("a refusal says what a visitor can do", () => {
  const rows = [
    [400, "invalid_request", "invalid_request_error", "refused"],
    [400, "context_length_exceeded", "invalid_request_error", "refused"],
    [400, "content_policy_violation", "invalid_request_error", "refused"],
    [401, "invalid_api_key", "authentication_error", "refused"],
    [401, "invalid_visitor_token", "authentication_error", "refused"],
    [403, "origin_not_allowed", "permission_error", "refused"],
    [404, "not_found", "invalid_request_error", "refused"],
    [408, "request_timeout", "invalid_request_error", "timeout"],
    [413, "request_too_large", "invalid_request_error", "refused"],
    [429, "rate_limit_exceeded", "rate_limit_error", "rate_limited"],
    [429, "budget_exceeded", "insufficient_quota", "over_budget"],
    [500, "internal_error", "server_error", "unavailable"],
    [502, "upstream_error", "upstream_error", "unavailable"],
    [502, "upstream_auth", "upstream_error", "unavailable"],
    [503, "overloaded", "server_error", "unavailable"],
    [503, "service_stopped", "server_error", "stopped"],
    [503, "storage_unavailable", "server_error", "unavailable"],
    [504, "timeout_first_token", "timeout_error", "timeout"],
  ];
  for (const [status, code, type, state] of rows) {
    test(`${status} ${code}: ${state}`, async (t) => {
      const headers = { "X-Request-ID": "req_9", "X-Conversation-ID": "conv_9", "Retry-After": "7" };
      const { baseUrl } = await serve(t, (_, response) => refuse(response, status, code, headers, type));
      const found = await failure(single(baseUrl).ask());
      assert.ok(found instanceof ChatError);
      assert.deepEqual([found.state, found.code, found.message], [state, code, `This is ${code}.`]);
      assert.deepEqual([found.requestId, found.meta.conversationId, found.retryAfterMs], ["req_9", "conv_9", 7000]);
      assert.deepEqual([found.partial, found.response, found.canContinue], ["", null, false]);
      assert.equal(found.canRetry, !["refused", "over_budget", "stopped"].includes(state));
    });
  }
});

test("a proxy's own error page is known by its status", async (t) => {
  for (const [status, state] of [[429, "rate_limited"], [404, "refused"], [502, "unavailable"]]) {
    const { baseUrl } = await serve(t, (_, response) => {
      response.writeHead(status, { "Content-Type": "text/html" });
      response.end("<h1>Sorry</h1>");
    });
    const found = await failure(single(baseUrl).ask());
    assert.deepEqual([found.state, found.code], [state, `http_${status}`]);
  }
});

test("Retry-After may be a date", async (t) => {
  const { ask, timers } = single("", {
    fetch: async () => new Response("{}", { status: 503, headers: { "Retry-After": new Date(timers.now() + 90_000).toUTCString() } }),
  });
  const { retryAfterMs } = await failure(ask());
  assert.ok(retryAfterMs > 88_000 && retryAfterMs <= 90_000, `${retryAfterMs}`);
});

test("a Retry-After that has passed is none to wait for, and one that is nonsense is none", async () => {
  const failed = (value) => failure(single("", { fetch: async () => new Response("{}", { status: 503, headers: { "Retry-After": value } }) }).ask());
  assert.equal((await failed("Thu, 01 Jan 1970 00:00:00 GMT")).retryAfterMs, 0);
  assert.equal((await failed("soon")).retryAfterMs, null);
});

test("a redirect is said, and not followed", async (t) => {
  for (const status of [301, 302, 307, 308]) {
    const { baseUrl, requests } = await serve(t, (_, response) => {
      response.writeHead(status, { Location: "/elsewhere" });
      response.end();
    });
    const found = await failure(visitor(baseUrl).ask());
    assert.deepEqual([found.state, found.code, requests.length], ["refused", "redirected", 1]);
  }
});

test("a redirect as browsers tell it", async () => {
  const opaque = { type: "opaqueredirect", status: 0, ok: false, headers: new Headers(), body: null };
  assert.equal((await failure(visitor("", { fetch: async () => opaque }).ask())).code, "redirected");
});

test("204 is no answer, and not asked again", async (t) => {
  const { baseUrl, requests } = await serve(t, (_, response) => {
    response.writeHead(204);
    response.end();
  });
  const found = await failure(visitor(baseUrl).ask());
  assert.deepEqual([found.state, found.code, requests.length], ["unavailable", "no_content", 1]);
});

test("JSON that is no answer is none", async (t) => {
  for (const body of [{}, { choices: [] }, [], "text", null]) {
    const { baseUrl } = await serve(t, (_, response) => json(response, 200, body));
    assert.equal((await failure(visitor(baseUrl).ask())).code, "not_an_answer");
  }
});

test("an error object in a whole answer of 200", async (t) => {
  const { baseUrl } = await serve(t, (_, response) => refuse(response, 200, "budget_exceeded"));
  assert.equal((await failure(visitor(baseUrl).ask({ stream: false }))).state, "over_budget");
});

test("nobody listens: offline", async (t) => {
  const found = await failure(single(await nobody(t)).ask());
  assert.deepEqual([found.state, found.code, found.canRetry], ["offline", "network_error", true]);
  assert.ok(found.cause instanceof TypeError);
});

test("a browser that knows it is offline says so", async (t) => {
  Object.defineProperty(globalThis, "navigator", { value: { onLine: false }, configurable: true });
  t.after(() => delete globalThis.navigator);
  const found = await failure(single(await nobody(t)).ask());
  assert.deepEqual([found.state, found.code], ["offline", "offline"]);
});

test("an answer that stops at the end of its connection is incomplete, and its beginning is kept", async (t) => {
  const { baseUrl, requests } = await streaming(t, [chunk("Green")]);
  const found = await failure(visitor(baseUrl).ask());
  assert.deepEqual([found.state, found.code, found.partial], ["incomplete", "cut_off", "Green"]);
  assert.deepEqual([found.canRetry, found.canContinue], [true, true]);
  assert.equal(found.response.choices[0].message.content, "Green");
  assert.equal(found.response.choices[0].finish_reason, null);
  assert.equal(requests.length, 1);
});

test("an answer whose connection is torn is incomplete", async (t) => {
  const { baseUrl, sockets } = await serveRaw(t, (socket) => socket.write(HEAD + sized(chunk("Green"))));
  const found = await failure(visitor(baseUrl).ask({ onChunk: () => sockets[0].resetAndDestroy() }));
  assert.deepEqual([found.state, found.code, found.partial], ["incomplete", "connection_lost", "Green"]);
  assert.equal(sockets.length, 1);
});

test("an answer torn where a device goes offline says that, and keeps its beginning", async (t) => {
  const { baseUrl, sockets } = await serveRaw(t, (socket) => socket.write(HEAD + sized(chunk("Green"))));
  Object.defineProperty(globalThis, "navigator", { value: { onLine: false }, configurable: true });
  t.after(() => delete globalThis.navigator);
  const found = await failure(visitor(baseUrl).ask({ onChunk: () => sockets[0].resetAndDestroy() }));
  assert.deepEqual([found.state, found.partial, found.canContinue, sockets.length], ["offline", "Green", true, 1]);
});

test("a whole answer whose connection is torn afterwards is whole", async (t) => {
  const { baseUrl, sockets } = await serveRaw(t, (socket) => socket.write(HEAD + WHOLE.slice(0, 3).map(sized).join("")));
  let heard = 0;
  const answer = await visitor(baseUrl).ask({ onChunk: () => ++heard === 2 && setImmediate(() => sockets[0].resetAndDestroy()) });
  assert.equal(answer.choices[0].finish_reason, "stop");
});

test("an error event after words is incomplete, with the server's code", async (t) => {
  const { baseUrl, requests } = await streaming(t, [chunk("Green"), error("stream_incomplete")]);
  const found = await failure(visitor(baseUrl).ask());
  assert.deepEqual([found.state, found.code, found.partial], ["incomplete", "stream_incomplete", "Green"]);
  assert.equal(found.message, "This is stream_incomplete.");
  assert.equal(requests.length, 1);
});

test("an answer that an operator stopped can't be gone on with", async (t) => {
  const { baseUrl } = await streaming(t, [chunk("Green"), error("service_stopped", "server_error")]);
  const found = await failure(visitor(baseUrl).ask());
  assert.deepEqual([found.state, found.code, found.canContinue], ["incomplete", "service_stopped", false]);
});

describe("an error event before words is what it says", () => {
  for (const [code, type, state] of [
    ["budget_exceeded", "insufficient_quota", "over_budget"],
    ["service_stopped", "server_error", "stopped"],
    ["invalid_api_key", "authentication_error", "refused"],
    ["context_length_exceeded", "invalid_request_error", "refused"],
    ["rate_limit_exceeded", "rate_limit_error", "rate_limited"],
    ["timeout_first_token", "timeout_error", "timeout"],
    ["upstream_error", "upstream_error", "unavailable"],
  ]) {
    test(code, async (t) => {
      const { baseUrl } = await streaming(t, [":\n\n", error(code, type)]);
      const found = await failure(single(baseUrl).ask());
      assert.deepEqual([found.state, found.code, found.partial], [state, code, ""]);
    });
  }
});

test("errors of other servers: a text, and an object that says nothing", async (t) => {
  const failed = async (body) => failure(single((await streaming(t, [event(body)])).baseUrl).ask());
  assert.equal((await failed({ error: "out of memory" })).message, "out of memory");
  const { state, code } = await failed({ error: {} });
  assert.deepEqual([state, code], ["unavailable", "stream_error"]);
});

test("after an error event nothing counts, [DONE] neither", async (t) => {
  const { baseUrl } = await streaming(t, [chunk("Green"), error("upstream_error"), chunk(" tea."), DONE]);
  const found = await failure(visitor(baseUrl).ask());
  assert.deepEqual([found.state, found.partial], ["incomplete", "Green"]);
});

test("after [DONE] an error event is none", async (t) => {
  const { baseUrl } = await streaming(t, [...WHOLE, error("upstream_error")]);
  assert.equal((await visitor(baseUrl).ask()).choices[0].message.content, "Green tea.");
});

test("an event over the cap is a clear error", async (t) => {
  const { baseUrl } = await streaming(t, [chunk("Green"), `data: ${"x".repeat(9 * 2 ** 20)}`]);
  const found = await failure(visitor(baseUrl).ask());
  assert.deepEqual([found.state, found.code, found.partial], ["incomplete", "event_too_large", "Green"]);
});

test("a visitor who stops has what was there, and the server is left at once", async (t) => {
  const { baseUrl, requests } = await serve(t, (_, response) => begin(response, [chunk("Green")]));
  const stop = new AbortController();
  const found = await failure(visitor(baseUrl).ask({ signal: stop.signal, onChunk: () => stop.abort() }));
  assert.deepEqual([found.state, found.code, found.partial], ["stopped_by_visitor", "aborted", "Green"]);
  assert.deepEqual([found.canRetry, found.canContinue], [true, true]);
  await requests[0].closed;
});

test("a visitor who stops before anything came", async (t) => {
  const stop = new AbortController();
  const { baseUrl, requests } = await serve(t, () => stop.abort());
  const found = await failure(visitor(baseUrl).ask({ signal: stop.signal }));
  assert.deepEqual([found.state, requests.length], ["stopped_by_visitor", 1]);
});

test("a visitor who had stopped already asks nothing", async (t) => {
  const { baseUrl, requests } = await serve(t, (_, response) => stream(response));
  const found = await failure(visitor(baseUrl).ask({ signal: AbortSignal.abort() }));
  assert.deepEqual([found.state, requests.length], ["stopped_by_visitor", 0]);
});

test("no word is told after a visitor stopped, of those in hand neither", async (t) => {
  const { baseUrl } = await serve(t, (_, response) => begin(response, [chunk("Green") + chunk(" tea.") + DONE]));
  const stop = new AbortController();
  const { ask, seen, listeners } = visitor(baseUrl);
  const onChunk = (...words) => {
    listeners.onChunk(...words);
    stop.abort();
  };
  await failure(ask({ signal: stop.signal, onChunk }));
  assert.equal(seen.chunks.length, 1);
});
