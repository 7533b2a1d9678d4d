import assert from "node:assert/strict";
import { describe, mock, test } from "node:test";
import { ChatError } from "../../../static/widget/src/failures.js";
import { begin, chunk, event, failure, json, completion, MESSAGES, nobody, refuse, serve, serveRaw, stream, visitor } from "./support.js";

/** A server that fails so often, then answers. */
const recovering = (t, times, fail) =>
  serve(t, (_, response, body, index) => (index < times ? fail(response) : stream(response)));

const text = (answer) => answer.choices[0].message.content;

describe("what may recover is asked again", () => {
  const event_error = (code, type) => (response) => stream(response, [":\n\n", event({ error: { message: "No.", type, code } })]);
  for (const [name, fail] of Object.entries({
    "429 rate_limit_exceeded": (response) => refuse(response, 429, "rate_limit_exceeded"),
    "a proxy's 429": (response) => response.writeHead(429).end(),
    "502 upstream_error": (response) => refuse(response, 502, "upstream_error"),
    "503 overloaded": (response) => refuse(response, 503, "overloaded"),
    "a proxy's 504": (response) => response.writeHead(504).end(),
    "upstream_unreachable as an event before words": event_error("upstream_unreachable", "upstream_error"),
    "rate_limit_exceeded as an event before words": event_error("rate_limit_exceeded", "rate_limit_error"),
  })) {
    test(name, async (t) => {
      const { baseUrl, requests } = await recovering(t, 2, fail);
      const { ask, seen } = visitor(baseUrl);
      assert.equal(text(await ask()), "Green tea.");
      assert.equal(requests.length, 3);
      assert.deepEqual(seen.states, ["sending", "retrying", "sending", "retrying", "sending", "answering"]);
    });
  }
});

describe("what lasts is not asked again", () => {
  for (const [status, code, type] of [
    [400, "invalid_request", "invalid_request_error"],
    [401, "invalid_api_key", "authentication_error"],
    [403, "origin_not_allowed", "permission_error"],
    [404, "not_found", "invalid_request_error"],
    [413, "request_too_large", "invalid_request_error"],
    [429, "budget_exceeded", "insufficient_quota"],
    [500, "internal_error", "server_error"],
    [502, "upstream_auth", "upstream_error"],
    [503, "service_stopped", "server_error"],
    [200, "timeout_first_token", "timeout_error"],
    [200, "internal_error", "server_error"],
  ]) {
    test(`${status} ${code}`, async (t) => {
      const { baseUrl, requests } = await serve(t, (_, response) =>
        status === 200 ? stream(response, [event({ error: { message: "", type, code } })]) : refuse(response, status, code, {}, type),
      );
      await failure(visitor(baseUrl).ask());
      assert.equal(requests.length, 1);
    });
  }
});

test("it ends after so many retries, with the last failure", async (t) => {
  const { baseUrl, requests } = await serve(t, (_, response) => refuse(response, 503, "overloaded"));
  const found = await failure(visitor(baseUrl, { retries: 2 }).ask());
  assert.deepEqual([found.state, found.code, requests.length], ["unavailable", "overloaded", 3]);
});

test("never again once a word has come", async (t) => {
  const { baseUrl, requests } = await serve(t, (_, response) => stream(response, [chunk("G"), event({ error: { code: "upstream_error" } })]));
  await failure(visitor(baseUrl).ask());
  assert.equal(requests.length, 1);
});

test("the wait is random within a time that doubles", async (t) => {
  const random = mock.method(Math, "random", () => 0.999999);
  t.after(() => random.mock.restore());
  const { baseUrl } = await serve(t, (_, response) => refuse(response, 503, "overloaded"));
  const waits = [];
  const onState = ({ state, inMs, attempt, now }) => {
    if (state !== "retrying") return;
    waits.push([attempt, inMs]);
    now();
  };
  await failure(visitor(baseUrl, { retries: 6 }).ask({ onState }));
  assert.deepEqual(waits, [[1, 1000], [2, 2000], [3, 4000], [4, 8000], [5, 10000], [6, 10000]]);
});

test("Retry-After is waited for, not less", async (t) => {
  const { baseUrl, requests } = await recovering(t, 1, (response) => refuse(response, 429, "rate_limit_exceeded", { "Retry-After": "3" }));
  const { ask, timers } = visitor(baseUrl);
  let wait;
  const asked = ask({ onState: (progress) => progress.state === "retrying" && (wait = progress) });
  await timers.armed(3); // of the request: its start, its head; of the wait
  assert.ok(wait.inMs >= 3000 && wait.inMs <= 3500, `${wait.inMs}`);
  timers.advance(2999);
  assert.equal(requests.length, 1);
  timers.advance(wait.inMs - 2999);
  assert.equal(text(await asked), "Green tea.");
  assert.equal(timers.pending, 0);
});

test("a Retry-After of more than a minute is the visitor's to decide", async (t) => {
  const { baseUrl, requests } = await serve(t, (_, response) => refuse(response, 429, "rate_limit_exceeded", { "Retry-After": "3600" }));
  const found = await failure(visitor(baseUrl).ask());
  assert.deepEqual([found.state, found.retryAfterMs, requests.length], ["rate_limited", 3_600_000, 1]);
});

test("who stops during the wait is not waited for", async (t) => {
  const { baseUrl, requests } = await serve(t, (_, response) => refuse(response, 503, "overloaded", { "X-Session-ID": "ses_1" }));
  const stop = new AbortController();
  const { ask, timers } = visitor(baseUrl);
  const onState = ({ state }) => state === "retrying" && stop.abort();
  const found = await failure(ask({ signal: stop.signal, onState }));
  assert.deepEqual([found.state, requests.length, timers.pending], ["stopped_by_visitor", 1, 0]);
  assert.equal(found.meta.sessionId, "ses_1");
});

test("who stops later during the wait is let go at once", async (t) => {
  const { baseUrl, requests } = await serve(t, (_, response) => refuse(response, 503, "overloaded"));
  const stop = new AbortController();
  const { ask } = visitor(baseUrl);
  const onState = ({ state }) => state === "retrying" && setImmediate(() => stop.abort());
  const found = await failure(ask({ signal: stop.signal, onState }));
  assert.deepEqual([found.state, requests.length], ["stopped_by_visitor", 1]);
});

test("a further attempt goes on with the ids of the one before", async (t) => {
  const ids = { "X-Session-ID": "ses_1", "X-Conversation-ID": "conv_1" };
  const { baseUrl, requests } = await recovering(t, 1, (response) => refuse(response, 502, "upstream_error", ids));
  const answer = await visitor(baseUrl).ask();
  assert.equal(requests[1].headers["x-session-id"], "ses_1");
  assert.equal(requests[1].headers["x-conversation-id"], "conv_1");
  assert.equal(answer.meta.conversationId, "conv_1");
});

describe("a connection lost before the answer: nobody knows whether the question arrived", () => {
  test("a stream is asked for once more, and no more", async (t) => {
    const { baseUrl, sockets } = await serveRaw(t, (socket) => socket.resetAndDestroy());
    const { ask, seen } = visitor(baseUrl);
    const found = await failure(ask());
    assert.deepEqual([found.state, sockets.length], ["offline", 2]);
    assert.deepEqual(seen.states, ["sending", "retrying", "sending"]);
  });

  test("after the head it is the same", async (t) => {
    const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n:\n\n\r\n";
    const { baseUrl, sockets } = await serveRaw(t, (socket) => socket.write(head, () => setImmediate(() => socket.resetAndDestroy())));
    const found = await failure(visitor(baseUrl).ask());
    assert.deepEqual([found.state, sockets.length], ["offline", 2]);
  });

  test("a whole answer may have been made and saved: it is not asked for again", async (t) => {
    const { baseUrl, sockets } = await serveRaw(t, (socket) => socket.resetAndDestroy());
    const found = await failure(visitor(baseUrl).ask({ stream: false }));
    assert.deepEqual([found.state, found.canRetry, sockets.length], ["offline", true, 1]);
  });

  test("where nobody listens too", async (t) => {
    const { ask, seen } = visitor(await nobody(t));
    await failure(ask());
    assert.deepEqual(seen.states, ["sending", "retrying", "sending"]);
  });
});

describe("retryWithBackoff for other work", () => {
  const recovers = Object.assign(new ChatError("unavailable", "overloaded", "Full."), { mayRecover: true });
  const onState = ({ now }) => now();

  test("gives what the work gives in the end", async () => {
    let n = 0;
    const work = async () => {
      if (++n < 3) throw recovers;
      return n;
    };
    assert.equal(await visitor("").api.retryWithBackoff(work, { onState }), 3);
  });

  test("takes any error that says that it may recover", async () => {
    const waits = [];
    const work = async () => Promise.reject(Object.assign(new Error("odd"), { mayRecover: true }));
    const noted = ({ inMs, now }) => {
      waits.push(inMs);
      now();
    };
    await failure(visitor("").api.retryWithBackoff(work, { onState: noted }));
    assert.ok(waits.length === 3 && waits.every((ms) => ms >= 0 && ms <= 4000), `${waits}`);
  });

  test("throws what is no failure of the server's at once", async () => {
    const odd = new Error("odd");
    const work = mock.fn(async () => Promise.reject(odd));
    assert.equal(await failure(visitor("").api.retryWithBackoff(work, { onState })), odd);
    assert.equal(work.mock.callCount(), 1);
  });

  test("has its own number of retries", async () => {
    const work = mock.fn(async () => Promise.reject(recovers));
    await failure(visitor("").api.retryWithBackoff(work, { retries: 1, onState }));
    assert.equal(work.mock.callCount(), 2);
  });
});
