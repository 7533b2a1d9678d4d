import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { begin, chunk, completion, event, failure, json, refuse, serve, stream, visitor } from "./support.js";

const text = (answer) => answer.choices[0].message.content;
const typed = (type, body) => (response) => response.writeHead(200, type ? { "Content-Type": type } : {}).end(body);

/** A way to the server on which streams break, and whole answers come. */
const breaking = (t, broken) =>
  serve(t, (_, response, { stream: isStream }) => (isStream ? broken(response) : json(response, 200, completion("Green tea."))));

const BROKEN = {
  "an HTML page with 200": typed("text/html", "<h1>Welcome</h1>"),
  "plain text": typed("text/plain", chunk("Green")),
  "no type at all": typed("", ""),
  "an empty body": typed("text/event-stream", ""),
  "a stream that ends before words": (response) => stream(response, [":\n\n", chunk(null)]),
  "a stream that ends within its first event": (response) => stream(response, ['data: {"choices":[{"delta":{"content":"Gr']),
};
for (const [name, broken] of Object.entries(BROKEN)) {
  test(`${name}: one question in one piece instead, and that is said`, async (t) => {
    const { baseUrl, requests } = await breaking(t, broken);
    const { ask, seen } = visitor(baseUrl);
    assert.equal(text(await ask()), "Green tea.");
    assert.deepEqual(requests.map(({ body }) => body.stream), [true, false]);
    assert.deepEqual(seen.states, ["sending", "falling_back", "sending", "answering"]);
    assert.deepEqual(seen.chunks, [["Green tea.", "Green tea."]]);
  });
}

test("a body without getReader: one question in one piece instead", async () => {
  const bodies = [];
  const fetch = async (url, { body }) => {
    bodies.push(JSON.parse(body));
    const headers = new Headers({ "Content-Type": bodies.at(-1).stream ? "text/event-stream" : "application/json" });
    return { status: 200, ok: true, headers, body: {}, text: async () => JSON.stringify(completion("Green tea.")) };
  };
  assert.equal(text(await visitor("", { fetch }).ask()), "Green tea.");
  assert.deepEqual(bodies.map(({ stream: isStream }) => isStream), [true, false]);
});

test("no body at all is the same", async () => {
  let asked = 0;
  const fetch = async () => {
    const headers = new Headers({ "Content-Type": asked++ ? "application/json" : "text/event-stream" });
    return { status: 200, ok: true, headers, body: null, text: async () => JSON.stringify(completion("Green tea.")) };
  };
  assert.equal(text(await visitor("", { fetch }).ask()), "Green tea.");
});

test("a browser without ReadableStream is not given a stream", async (t) => {
  const { baseUrl, requests } = await breaking(t, stream);
  const { ReadableStream } = globalThis;
  const { ask } = visitor(baseUrl);
  delete globalThis.ReadableStream;
  const asked = ask();
  globalThis.ReadableStream = ReadableStream;
  assert.equal(text(await asked), "Green tea.");
  assert.deepEqual(requests.map(({ body }) => body.stream), [false]);
});

test("after two broken streams it is known: further questions are asked in one piece", async (t) => {
  const { baseUrl, requests } = await breaking(t, BROKEN["an empty body"]);
  const { ask } = visitor(baseUrl);
  await ask();
  await ask();
  await ask();
  assert.deepEqual(requests.map(({ body }) => body.stream), [true, false, true, false, false]);
});

test("what is known of one is not held against another", async (t) => {
  const { baseUrl, requests } = await breaking(t, BROKEN["an empty body"]);
  const { ask } = visitor(baseUrl);
  await ask();
  await ask();
  await visitor(baseUrl).ask();
  assert.deepEqual(requests.map(({ body }) => body.stream), [true, false, true, false, true, false]);
});

test("a stream that is left for another way is closed", async (t) => {
  const { baseUrl, requests } = await breaking(t, (response) => {
    response.writeHead(200, { "Content-Type": "text/html" });
    response.write("<p>for ever");
  });
  await visitor(baseUrl).ask();
  await requests[0].closed;
});

describe("where the other way fails too", () => {
  test("it is said, and that is the end", async (t) => {
    const { baseUrl, requests } = await serve(t, (_, response) => typed("text/html", "<h1>Log in</h1>")(response));
    const found = await failure(visitor(baseUrl).ask());
    assert.deepEqual([found.state, found.code, requests.length], ["unavailable", "not_an_answer", 2]);
  });

  test("a refusal is one", async (t) => {
    const { baseUrl } = await serve(t, (_, response, { stream: isStream }) =>
      isStream ? stream(response, []) : refuse(response, 429, "budget_exceeded", {}, "insufficient_quota"),
    );
    assert.equal((await failure(visitor(baseUrl).ask())).state, "over_budget");
  });

  test("what may recover is tried again in one piece", async (t) => {
    const { baseUrl, requests } = await serve(t, (_, response, { stream: isStream }, index) => {
      if (isStream) stream(response, []);
      else if (index < 2) refuse(response, 503, "overloaded");
      else json(response, 200, completion("Green tea."));
    });
    assert.equal(text(await visitor(baseUrl).ask()), "Green tea.");
    assert.deepEqual(requests.map(({ body }) => body.stream), [true, false, false]);
  });
});

test("who stops is not asked in another way", async (t) => {
  const stop = new AbortController();
  const { baseUrl, requests } = await serve(t, (_, response) => {
    begin(response, [":\n\n"]);
    stop.abort();
  });
  const found = await failure(visitor(baseUrl).ask({ signal: stop.signal }));
  assert.deepEqual([found.state, requests.length], ["stopped_by_visitor", 1]);
});

test("an error event is none of a proxy's doing", async (t) => {
  const { baseUrl, requests } = await serve(t, (_, response) => stream(response, [event({ error: { code: "invalid_api_key", type: "authentication_error" } })]));
  assert.equal((await failure(visitor(baseUrl).ask())).state, "refused");
  assert.equal(requests.length, 1);
});
