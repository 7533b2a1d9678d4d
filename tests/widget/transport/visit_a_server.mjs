/** A visitor of a real server: `node visit_a_server.mjs <base url> <key> <origin>`; what was seen, as JSON. */
import { ChatAPI } from "../../../static/widget/src/chat_api.js";
import { Connection } from "../../../static/widget/src/connection.js";
import { config, conversation, feedback, forget } from "../../../static/widget/src/visits.js";

const [baseUrl, key, origin] = process.argv.slice(2);
/** As a browser, which sends its page's origin by itself. */
const fetch = (url, init) => globalThis.fetch(url, { ...init, headers: { ...init.headers, Origin: origin } });
const api = new ChatAPI({ baseUrl, key, fetch, retries: 0 });
const server = new Connection({ baseUrl, key, fetch });
const question = [{ role: "user", content: "Hello" }];
const failed = (promise) => promise.then(() => null, ({ state, code, partial, requestId }) => ({ state, code, partial, requestId }));

const seen = { config: await config(server, key), chunks: [] };
seen.first = await api.sendMessage(question, { model: "mine", onChunk: (delta) => seen.chunks.push(delta) });
const { sessionId, conversationId, messageId } = seen.first.meta;
const ids = { sessionId, conversationId };
seen.second = await api.sendMessageNonStreaming(question, ids);
seen.feedback = await feedback(server, { messageId, rating: "up" }, ids);
seen.conversation = await conversation(server, conversationId, ids);
seen.cut = await failed(api.sendMessage(question, ids));
const stop = new AbortController();
seen.stopped = await failed(api.sendMessage(question, { ...ids, signal: stop.signal, onChunk: () => stop.abort() }));
seen.receipt = await forget(server, conversationId, ids);
seen.gone = await failed(conversation(server, conversationId, ids));
seen.refused = await failed(new ChatAPI({ baseUrl, key: "pk_unknown", fetch }).sendMessage(question));
console.log(JSON.stringify(seen));
