import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Connection } from "../../../static/widget/src/connection.js";
import * as calls from "../../../static/widget/src/visits.js";
import { failure, FakeTimers, json, KEY, refuse, serve, stream, visitor } from "./support.js";

const ROOT = new URL("../../../", import.meta.url);
/** The calls to the server that is there. */
function visits(baseUrl) {
  const server = new Connection({ baseUrl, key: KEY, timers: new FakeTimers() });
  const bound = Object.entries(calls).map(([name, call]) => [name, (...all) => call(server, ...all)]);
  return { ...Object.fromEntries(bound), config: ({ signal } = {}) => calls.config(server, KEY, signal) };
}

/** The call's own request, answered with `body`. */
async function requested(t, body, call) {
  const { baseUrl, requests } = await serve(t, (_, response) => json(response, 200, body));
  assert.deepEqual(await call(visits(baseUrl)), body);
  return requests[0];
}

test("the configuration is asked for without what needs a preflight", async (t) => {
  const { method, url, headers } = await requested(t, { object: "widget.config" }, (calls) => calls.config());
  assert.deepEqual([method, url], ["GET", `/api/v1/widget/config?key=${KEY}`]);
  assert.ok(!("authorization" in headers) && !("x-requested-with" in headers) && !("content-type" in headers));
});

test("a conversation is its visitor's", async (t) => {
  const { method, url, headers } = await requested(t, { id: "conv_1", messages: [] }, (calls) =>
    calls.conversation("conv_1/..", { sessionId: "ses_1" }),
  );
  assert.deepEqual([method, url], ["GET", "/api/v1/conversations/conv_1%2F.."]);
  assert.deepEqual([headers.authorization, headers["x-session-id"]], [`Bearer ${KEY}`, "ses_1"]);
});

test("to forget is to delete", async (t) => {
  const { method, url } = await requested(t, { deleted: true, remaining: 0 }, (calls) => calls.forget("conv_1"));
  assert.deepEqual([method, url], ["DELETE", "/api/v1/conversations/conv_1"]);
});

test("an answer is rated, and a rating taken back", async (t) => {
  const up = { messageId: "msg_1", rating: "up", comment: "Good." };
  const { method, url, body, headers } = await requested(t, { object: "feedback" }, (calls) => calls.feedback(up));
  assert.deepEqual([method, url], ["POST", "/api/v1/feedback"]);
  assert.deepEqual(body, { message_id: "msg_1", rating: "up", comment: "Good." });
  assert.equal(headers["content-type"], "application/json");
  const back = await requested(t, {}, (calls) => calls.feedback({ messageId: "msg_1", rating: null }));
  assert.deepEqual(back.body, { message_id: "msg_1", rating: null });
});

test("they fail as questions do", async (t) => {
  const { baseUrl } = await serve(t, (_, response) => refuse(response, 403, "origin_not_allowed", {}, "permission_error"));
  const found = await failure(visits(baseUrl).config());
  assert.deepEqual([found.name, found.state, found.code], ["ChatError", "refused", "origin_not_allowed"]);
});

test("who stops, stops", async (t) => {
  const { baseUrl } = await serve(t, () => {});
  const found = await failure(visits(baseUrl).config({ signal: AbortSignal.abort() }));
  assert.equal(found.state, "stopped_by_visitor");
});

test("every header that is sent is one that the server's CORS allows", async (t) => {
  const source = readFileSync(new URL("chatbot/web/cors.py", ROOT), "utf8");
  const allowed = /ALLOWED_HEADERS = "(.*)"/.exec(source)[1].toLowerCase().split(", ");
  const free = ["accept", "accept-language"]; // the Fetch standard's CORS-safelisted request headers
  const nodes = ["accept-encoding", "connection", "content-length", "host", "sec-fetch-mode", "user-agent", "cache-control", "pragma"];
  const { baseUrl, requests } = await serve(t, (_, response) => stream(response));
  const { ask } = visitor(baseUrl, { locale: "it", visitorToken: "jwt" });
  await ask({ sessionId: "ses_1", conversationId: "conv_1" });
  const odd = Object.keys(requests[0].headers).filter((name) => ![...allowed, ...free, ...nodes].includes(name));
  assert.deepEqual(odd, []);
});

test("every header that is read is one that the server's CORS shows", () => {
  const exposed = /EXPOSED_HEADERS = \(([^)]*)\)/.exec(readFileSync(new URL("chatbot/web/cors.py", ROOT), "utf8"))[1];
  for (const file of ["asking.js", "connection.js"]) {
    const source = readFileSync(new URL(`static/widget/src/${file}`, ROOT), "utf8");
    for (const [, name] of source.matchAll(/(?:get\(|\["\w+", )"([\w-]+)"/g)) {
      assert.ok(name === "Content-Type" || exposed.includes(name), name);
    }
  }
});
