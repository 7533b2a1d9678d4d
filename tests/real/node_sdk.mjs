// Drives the server with the official `openai` package for Node; prints what it saw as JSON.
import OpenAI, { APIError, AuthenticationError, RateLimitError } from "openai";

const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: "user", content: "Hi" }];
const ask = (more) => client.chat.completions.create({ model: "mock-instant", messages, ...more });
const seen = {};

let pieces = 0;
seen.text = "";
for await (const chunk of await ask({ stream: true, stream_options: { include_usage: true } })) {
  pieces += 1;
  seen.text += chunk.choices[0]?.delta?.content ?? "";
  if (chunk.usage) seen.usage = chunk.usage.total_tokens;
}
seen.pieces = pieces;
seen.plain = (await ask({})).choices[0].message.content;
const tools = [{ type: "function", function: { name: "find", parameters: { type: "object", properties: { q: {} } } } }];
seen.tool = (await ask({ tools })).choices[0].message.tool_calls[0].function;
seen.models = (await client.models.list()).data.map((model) => model.id);

const failure = async (call) => {
  let text = "";
  try {
    const stream = await call();
    for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
    return { error: "none", text };
  } catch (error) {
    return {
      api: error instanceof APIError,
      auth: error instanceof AuthenticationError,
      rate: error instanceof RateLimitError,
      code: error.code,
      status: error.status,
      text,
    };
  }
};
seen.unauthorised = await failure(() =>
  new OpenAI({ baseURL, apiKey: "sk_wrong_000000000000", maxRetries: 0 }).chat.completions.create({ model: "m", messages, stream: true }),
);
seen.limited = await failure(() => ask({ stream: true, mock: { fault: "429" } }));
seen.cut = await failure(() => ask({ stream: true, mock: { fault: "cut" } }));
console.log(JSON.stringify(seen));
