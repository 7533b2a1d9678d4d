import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { ChatAPI } from "../../../static/widget/src/chat_api.js";
import { begin, chunk, completion, DONE, event, json, KEY, MESSAGES, serve, stream, visitor, WHOLE } from "./support.js";

const IDS = {
  "X-Session-ID": "ses_1",
  "X-Conversation-ID": "conv_1",
  "X-Message-ID": "msg_1",
  "X-Request-ID": "req_1",
};
const CITATION = { id: "c1", n: 1, title: "Teas", url: "https://shop.example/teas", place: "p. 2", text: "Green." };

const answering = (t, parts, headers) => serve(t, (_, response) => stream(response, parts, headers));

test("a stream resolves to OpenAI's final response, with what the server issued", async (t) => {
  const { baseUrl } = await answering(t, WHOLE, IDS);
  const { ask, seen } = visitor(baseUrl);
  const answer = await ask();
  const { meta, ...response } = answer;
  assert.deepEqual(response, completion("Green tea.", { id: "chatcmpl-1" }));
  const { timings, ...ids } = meta;
  assert.deepEqual(ids, { sessionId: "ses_1", conversationId: "conv_1", messageId: "msg_1", requestId: "req_1" });
  assert.deepEqual(timings, { firstByteMs: 0, completeMs: 0 });
  assert.deepEqual(seen.chunks, [["Green", "Green"], [" tea.", "Green tea."]]);
  assert.deepEqual(seen.states, ["sending", "answering"]);
});

test("what is asked, and as whom", async (t) => {
  const { baseUrl, requests } = await answering(t);
  const { ask } = visitor(`${baseUrl}//`, { locale: "it-IT", visitorToken: async () => "jwt" });
  await ask({ model: "m", temperature: 0.5, maxTokens: 9, sessionId: "ses_1", conversationId: "conv_1" });
  const [{ method, url, headers, body }] = requests;
  assert.deepEqual([method, url], ["POST", "/api/v1/chat/completions"]);
  assert.deepEqual(body, {
    messages: MESSAGES, model: "m", temperature: 0.5, max_tokens: 9, stream: true, stream_options: { include_usage: true },
  });
  assert.equal(headers.authorization, `Bearer ${KEY}`);
  assert.equal(headers["x-requested-with"], "ChatbotWidget");
  assert.equal(headers["x-session-id"], "ses_1");
  assert.equal(headers["x-conversation-id"], "conv_1");
  assert.equal(headers["x-visitor-token"], "jwt");
  assert.equal(headers["accept-language"], "it-IT");
  assert.equal(headers.accept, "text/event-stream");
  assert.equal(headers.cookie, undefined);
});

test("ids that there are none of are not sent", async (t) => {
  const { baseUrl, requests } = await answering(t);
  await visitor(baseUrl).ask();
  assert.ok(!("x-session-id" in requests[0].headers) && !("x-conversation-id" in requests[0].headers));
});

test("words are told as they come, not at the end", async (t) => {
  const { baseUrl } = await serve(t, (_, response) => begin(response, [chunk("Gre")]));
  const { ask } = visitor(baseUrl);
  const gone = new AbortController();
  const heard = await new Promise((tell) => {
    ask({ onChunk: tell, signal: gone.signal }).catch(() => {});
  });
  gone.abort();
  assert.equal(heard, "Gre");
});

test("usage of a last chunk without choices is in the response", async (t) => {
  const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
  const { baseUrl } = await answering(t, [...WHOLE.slice(0, 3), event({ id: "chatcmpl-1", choices: [], usage }), DONE]);
  assert.deepEqual((await visitor(baseUrl).ask()).usage, usage);
});

test("of usage on every chunk the last counts, and null is none", async (t) => {
  const used = (completion_tokens) => ({ usage: completion_tokens && { completion_tokens } });
  const parts = [chunk("Green", null, used(1)), chunk(" tea.", null, used(2)), chunk(null, "stop", used(null)), DONE];
  const { baseUrl } = await answering(t, parts);
  assert.deepEqual((await visitor(baseUrl).ask()).usage, { completion_tokens: 2 });
});

test("citations on the first chunk come before its words", async (t) => {
  const { baseUrl } = await answering(t, [chunk("Green", null, { citations: [CITATION] }), ...WHOLE.slice(1)]);
  const order = [];
  const { ask } = visitor(baseUrl);
  const answer = await ask({ onCitations: (list) => order.push(list), onChunk: (delta) => order.push(delta) });
  assert.deepEqual(order, [[CITATION], "Green", " tea."]);
  assert.deepEqual(answer.citations, [CITATION]);
});

for (const [where, parts] of Object.entries({
  "before the answer": [event({ citations: [CITATION] }), ...WHOLE],
  "on a later chunk": [WHOLE[0], chunk(" tea.", null, { citations: [CITATION] }), ...WHOLE.slice(2)],
  "after [DONE]": [...WHOLE, event({ citations: [CITATION] })],
  "without [DONE]": [...WHOLE.slice(0, 3), event({ citations: [CITATION] })],
  "twice the same": [event({ citations: [CITATION] }), event({ citations: [CITATION] }), ...WHOLE],
})) {
  test(`citations ${where}`, async (t) => {
    const { baseUrl } = await answering(t, parts);
    const { ask, seen } = visitor(baseUrl);
    assert.deepEqual((await ask()).citations, [CITATION]);
    assert.deepEqual(seen.citations, [[CITATION]]);
  });
}

test("further citations are added to those before", async (t) => {
  const second = { ...CITATION, id: "c2", n: 2 };
  const { baseUrl } = await answering(t, [event({ citations: [CITATION] }), event({ citations: [second] }), ...WHOLE]);
  const { ask, seen } = visitor(baseUrl);
  await ask();
  assert.deepEqual(seen.citations.at(-1), [CITATION, second]);
});

test("a delta with a role only is no word", async (t) => {
  const role = event({ choices: [{ index: 0, delta: { role: "assistant", content: "" } }] });
  const { baseUrl } = await answering(t, [role, ...WHOLE]);
  const { ask, seen } = visitor(baseUrl);
  await ask();
  assert.equal(seen.chunks.length, 2);
});

test("lines that are no JSON, or no chunks, do not end a stream", async (t) => {
  const odd = ["data: not json\n\n", "data: 5\n\n", "data: null\n\n", 'data: "text"\n\n', "data: [1]\n\n", event({ choices: [null] })];
  const { baseUrl } = await answering(t, [WHOLE[0], ...odd, ...WHOLE.slice(1)]);
  const { meta, ...response } = await visitor(baseUrl).ask();
  assert.deepEqual(response, completion("Green tea.", { id: "chatcmpl-1" }));
});

test("JSON over several data lines is one chunk", async (t) => {
  const split = 'data: {"choices":\ndata: [{"delta":{"content":"Green tea."},"finish_reason":"stop"}]}\n\n';
  const { baseUrl } = await answering(t, [split, DONE]);
  assert.equal((await visitor(baseUrl).ask()).choices[0].message.content, "Green tea.");
});

test("[DONE] is one only as all of the data", async (t) => {
  const said = chunk("[DONE]");
  const { baseUrl } = await answering(t, [said, chunk(" data: [DONE]"), ...WHOLE.slice(2)]);
  assert.equal((await visitor(baseUrl).ask()).choices[0].message.content, "[DONE] data: [DONE]");
});

test("of several choices only the first counts", async (t) => {
  const both = event({
    choices: [
      { index: 1, delta: { content: "Coffee" }, finish_reason: "length" },
      { index: 0, delta: { content: "Green" }, finish_reason: null },
    ],
  });
  const { baseUrl } = await answering(t, [both, ...WHOLE.slice(1)]);
  const { choices } = await visitor(baseUrl).ask();
  assert.equal(choices.length, 1);
  assert.deepEqual([choices[0].message.content, choices[0].finish_reason], ["Green tea.", "stop"]);
});

test("tool calls are no words; they are put together in the message", async (t) => {
  const call = (index, more) => event({ choices: [{ index: 0, delta: { tool_calls: [{ index, ...more }] } }] });
  const { baseUrl } = await answering(t, [
    call(0, { id: "call_1", type: "function", function: { name: "look_up", arguments: "" } }),
    call(0, { function: { arguments: '{"tea":' } }),
    call(1, { id: "call_2", type: "function", function: { name: "other", arguments: "{}" } }),
    call(0, { function: { arguments: '"green"}' } }),
    chunk(null, "tool_calls"),
    DONE,
  ]);
  const { ask, seen } = visitor(baseUrl);
  const { message, finish_reason } = (await ask()).choices[0];
  assert.equal(finish_reason, "tool_calls");
  assert.deepEqual(message.tool_calls, [
    { id: "call_1", type: "function", function: { name: "look_up", arguments: '{"tea":"green"}' } },
    { id: "call_2", type: "function", function: { name: "other", arguments: "{}" } },
  ]);
  assert.deepEqual(seen.chunks, []);
});

for (const reason of ["length", "content_filter"]) {
  test(`an answer that ended by "${reason}" resolves, and says so`, async (t) => {
    const { baseUrl } = await answering(t, [chunk("Green"), chunk(null, reason), DONE]);
    assert.equal((await visitor(baseUrl).ask()).choices[0].finish_reason, reason);
  });
}

test("[DONE] without a finish_reason is whole", async (t) => {
  const { baseUrl } = await answering(t, [chunk("Green"), DONE]);
  assert.equal((await visitor(baseUrl).ask()).choices[0].finish_reason, null);
});

test("a finish_reason without [DONE] is whole", async (t) => {
  const { baseUrl } = await answering(t, [chunk("Green"), chunk(null, "stop")]);
  assert.equal((await visitor(baseUrl).ask()).choices[0].message.content, "Green");
});

test("after [DONE] the connection is read to its end and used again", async (t) => {
  const ports = new Set();
  const { baseUrl } = await serve(t, (_, response) => {
    ports.add(response.socket.remotePort);
    stream(response);
  });
  const { ask } = visitor(baseUrl);
  await ask();
  await new Promise(setImmediate); // node gives a connection back in its own time
  await ask();
  assert.equal(ports.size, 1);
});

test("a server that sends [DONE] and does not close holds nobody up", async (t) => {
  const { baseUrl, requests } = await serve(t, (_, response) => begin(response, WHOLE));
  const { ask, timers } = visitor(baseUrl);
  const asked = ask();
  await timers.armed(3); // at its start, with its head, with what came
  timers.advance(1000);
  assert.equal((await asked).choices[0].message.content, "Green tea.");
  await requests[0].closed;
});

test("without streaming it is the same to the caller", async (t) => {
  const { baseUrl, requests } = await serve(t, (_, response) => json(response, 200, completion("Green tea.", { citations: [CITATION] }), IDS));
  const { api, listeners, seen } = visitor(baseUrl);
  const answer = await api.sendMessageNonStreaming(MESSAGES, listeners);
  assert.deepEqual([requests[0].body.stream, requests[0].headers.accept], [false, "application/json"]);
  assert.equal(answer.choices[0].message.content, "Green tea.");
  assert.equal(answer.meta.conversationId, "conv_1");
  assert.deepEqual(seen, { chunks: [["Green tea.", "Green tea."]], states: ["sending", "answering"], citations: [[CITATION]] });
});

test("JSON in answer to a stream is taken as it is, without asking again", async (t) => {
  const { baseUrl, requests } = await serve(t, (_, response) => json(response, 200, completion("Green tea.")));
  assert.equal((await visitor(baseUrl).ask()).choices[0].message.content, "Green tea.");
  assert.equal(requests.length, 1);
});

test("a response of somebody else's request is read alike", async (t) => {
  const { baseUrl } = await answering(t, WHOLE, IDS);
  const { api, listeners, seen } = visitor("");
  const answer = await api.handleStreamingResponse(await fetch(baseUrl), listeners);
  assert.equal(answer.choices[0].message.content, "Green tea.");
  assert.equal(answer.meta.sessionId, "ses_1");
  assert.equal(seen.chunks.length, 2);
});

test("an event stream's characters may be cut anywhere", async (t) => {
  const bytes = Buffer.from([chunk("tè 🍵"), chunk(null, "stop"), DONE].join(""));
  const body = new ReadableStream({
    start(controller) {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });
  const response = new Response(body, { headers: { "Content-Type": "text/event-stream" } });
  const answer = await visitor("").api.handleStreamingResponse(response);
  assert.equal(answer.choices[0].message.content, "tè 🍵");
});

test("the console is told times, with debug only, and neither words nor keys", async (t) => {
  const { baseUrl } = await answering(t, WHOLE, { ...IDS, "X-Chatbot-Ignored": "model, temperature" });
  const log = mock.method(console, "log", () => {});
  t.after(() => log.mock.restore());
  await visitor(baseUrl).ask();
  assert.equal(log.mock.callCount(), 0);
  await visitor(baseUrl, { debug: true }).ask();
  const lines = log.mock.calls.map(({ arguments: words }) => words.join(" "));
  assert.deepEqual(lines, [
    "[ChatAPI] start",
    "[ChatAPI] ignored: model, temperature",
    "[ChatAPI] first byte after 0 ms",
    "[ChatAPI] complete after 0 ms",
  ]);
});

test("it is made without anything of a browser's", () => {
  assert.equal(typeof globalThis.window, "undefined");
  assert.ok(new ChatAPI({ key: KEY }));
});
