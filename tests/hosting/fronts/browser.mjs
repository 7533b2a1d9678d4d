/**
 * A question in Chromium, through a front, by HTTP/2: `node browser.mjs PORT PATH KEY`. The name is chat.example; its certificate is
 * nobody's. Tells, as JSON, what the page's requests went by, which of them failed, and the answer as it grew.
 */
import { launch, noteStates } from "../../widget/e2e/harness.mjs";

const [port, path, key] = process.argv.slice(2);
const browser = await launch(`--host-resolver-rules=MAP chat.example:443 127.0.0.1:${port}`, "--ignore-certificate-errors");
try {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  const failed = [];
  page.on("pageerror", (error) => failed.push(String(error)));
  page.on("response", (response) => response.status() >= 400 && failed.push(`${response.status()} ${response.url()}`));
  await page.goto(`https://chat.example${path}#key=${key}`);
  await page.waitForFunction(() => window.ChatbotWidget && "current" in ChatbotWidget);
  const field = page.locator("chatbot-widget textarea");
  await field.fill("Is this the mock?");
  await page.evaluate(noteStates);
  await field.press("Enter");
  await page.locator("chatbot-widget .user ~ .bot .message-content", { hasText: "mock" }).waitFor();
  await page.waitForFunction(() => !document.querySelector("chatbot-widget").shadowRoot.querySelector("[aria-busy=true]"));
  const states = await page.evaluate(() => window.states);
  const requests = await page.evaluate(() =>
    performance.getEntriesByType("resource").map(({ name, nextHopProtocol }) => ({ path: new URL(name).pathname, by: nextHopProtocol })));
  process.stdout.write(JSON.stringify({ failed, states, requests }));
} finally {
  await browser.close();
}
