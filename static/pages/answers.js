/**
 * Answers on their way, seen where all of them pass: at the page's own `fetch`. So the widget is measured as it is, and what
 * is measured does not hang on how it shows an answer. Times and counts are kept; of the text, how many words it has.
 */
const ADDRESS = /\/chat\/completions$/;
/** An answer that comes within so many milliseconds, after more than LONG of them, was held back on its way. */
const BURST = 50;
const LONG = 1000;

/** One answer: what came when, in milliseconds since its question left. */
export class Run {
  /** Asked for as a stream, or whole. */
  isStream = true;
  /** @type {number | null} */
  firstByte = null;
  /** How much of that the server needed, as it says. @type {number | null} */
  onServer = null;
  /** @type {number | null} */
  firstWord = null;
  /** When the first word could be seen, where somebody says so. @type {number | null} */
  firstPaint = null;
  /** @type {number | null} */
  total = null;
  /** What the provider counted; null: it did not say. @type {number | null} */
  tokens = null;
  /** Characters. */
  length = 0;
  /** When the stream's events came, and how many words there were then. @type {{ at: number, words: number }[]} */
  events = [];
  isWhole = false;
  #began;
  #now;
  #text = "";

  /** @param {() => number} [now] */
  constructor(now = () => performance.now()) {
    this.#now = now;
    this.#began = now();
  }

  get elapsed() {
    return this.total ?? this.#since;
  }

  get #since() {
    return this.#now() - this.#began;
  }

  get words() {
    return this.events.at(-1)?.words ?? 0;
  }

  /** How many times sooner the first word was there than the whole answer; 0: not known. */
  get sooner() {
    return this.isWhole && this.firstWord && this.total ? this.total / this.firstWord : 0;
  }

  /** Words a second, from the first to the last; 0: they came at once. */
  get rate() {
    const span = this.elapsed - (this.firstWord ?? this.elapsed);
    return span > BURST ? (this.words / span) * 1000 : 0;
  }

  /** Something between page and server has kept the answer until it was whole. */
  get isHeldBack() {
    if (this.total === null || this.firstWord === null) return false;
    const [first, last] = [this.events.at(0), this.events.at(-1)];
    return this.total > LONG && this.events.length > 3 && last !== undefined && first !== undefined && last.at - first.at < BURST;
  }

  /** @param {Headers} headers */
  met(headers) {
    this.firstByte = this.elapsed;
    const told = /first-byte;dur=([\d.]+)/.exec(headers.get("Server-Timing") ?? "");
    if (told) this.onServer = Number(told[1]);
  }

  /** @param {string} data of one event @returns {string} the words in it */
  heard(data) {
    if (data === "[DONE]") {
      this.isWhole = true;
      return "";
    }
    const { words, tokens } = read(data);
    this.tokens = tokens ?? this.tokens;
    this.#add(words);
    return words;
  }

  /** An answer that came in one piece. @param {any} body @returns {string} its words */
  heardWhole(body) {
    const words = body.choices?.[0]?.message?.content ?? "";
    this.isWhole = Boolean(words);
    this.tokens = body.usage?.completion_tokens ?? null;
    this.#add(words);
    return words;
  }

  painted() {
    this.firstPaint ??= this.#since;
  }

  /** @param {string} words */
  #add(words) {
    const at = this.elapsed;
    this.#text += words;
    this.length = this.#text.length;
    if (words) this.firstWord ??= at;
    this.events.push({ at, words: words ? wordsOf(this.#text) : this.words });
  }

  ended() {
    this.total ??= this.elapsed;
    this.#text = "";
  }
}

/** @param {string} data @returns {{ words: string, tokens: number | undefined }} */
function read(data) {
  try {
    const { choices, usage } = JSON.parse(data);
    return { words: choices?.[0]?.delta?.content ?? "", tokens: usage?.completion_tokens };
  } catch {
    return { words: "", tokens: undefined };
  }
}

/** Written with spaces or without. @param {string} text */
function wordsOf(text) {
  const spaced = text.split(/[\s\p{P}\p{S}]+/u).filter(Boolean);
  return spaced.reduce((sum, word) => sum + Math.max(1, word.match(UNSPACED)?.length ?? 0), 0);
}
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]{1,2}/gu;

/**
 * Tell of every answer that this page asks for, each time that more is known of it.
 * @param {(run: Run) => void} tell
 */
export function watch(tell) {
  const { fetch } = window;
  window.fetch = async (...asked) => {
    const [target] = asked;
    if (!ADDRESS.test(target instanceof Request ? target.url : String(target))) return fetch(...asked);
    const run = new Run();
    tell(run);
    const coming = fetch(...asked);
    void follow(coming.then((response) => response.clone()), run, tell);
    return coming;
  };
}

/** @param {Promise<Response>} coming @param {Run} run @param {(run: Run) => void} tell */
async function follow(coming, run, tell) {
  try {
    const response = await coming;
    run.met(response.headers);
    for await (const data of eventsOf(response)) {
      run.heard(data);
      tell(run);
    }
  } catch {
    // Stopped by the visitor, or lost: the widget says so.
  }
  run.ended();
  tell(run);
}

/** The data of a stream's events, each on its one line. @param {Response} response */
export async function* eventsOf(response) {
  for await (const line of linesOf(response)) if (line.startsWith("data:")) yield line.slice(5).trim();
}

/** @param {Response} response */
async function* linesOf({ body }) {
  if (!body) return;
  const reader = body.pipeThrough(/** @type {ReadableWritablePair<string, any>} */ (new TextDecoderStream())).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const found = (rest + value).split(/\r\n|\n|\r/);
    rest = found.pop() ?? "";
    yield* found;
  }
}
