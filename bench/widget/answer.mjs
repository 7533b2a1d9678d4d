/** An answer as a model writes it, the same for the same seed. */

const WORDS = ("the order ships within two days and you can return it for thirty if anything is wrong with a parcel please keep " +
  "its box because carriers ask for that when they look at damage prices include tax our shop sends tea from small gardens").split(" ");

/** Numbers between 0 and 1 (mulberry32). @param {number} seed */
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

class Writer {
  /** @param {number} seed */
  constructor(seed) {
    this.next = random(seed);
  }

  /** @template T @param {T[]} all */
  one(all) {
    return all[Math.floor(this.next() * all.length)];
  }

  /** @param {number} least @param {number} most */
  count(least, most) {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  /** @param {number} least @param {number} most */
  words(least, most) {
    return Array.from({ length: this.count(least, most) }, () => this.one(WORDS)).join(" ");
  }

  /** Some words, now and then marked up. */
  phrase() {
    const plain = this.words(4, 9);
    const marked = [`**${this.words(1, 3)}**`, `*${this.words(1, 3)}*`, `\`${this.one(WORDS)}_id\``,
      `[${this.words(1, 3)}](https://shop.example/${this.one(WORDS)})`];
    return this.next() < 0.4 ? `${plain} ${this.one(marked)}` : plain;
  }

  sentence() {
    const text = Array.from({ length: this.count(1, 3) }, () => this.phrase()).join(", ");
    return `${text[0].toUpperCase()}${text.slice(1)}.`;
  }

  paragraph() {
    return Array.from({ length: this.count(2, 4) }, () => this.sentence()).join(" ");
  }

  heading() {
    return `${this.one(["##", "###"])} ${this.words(2, 5)}`;
  }

  list() {
    const mark = this.one(["-", "1."]);
    const item = () => `${mark} ${this.sentence()}`;
    const inner = () => `${" ".repeat(mark.length + 1)}- ${this.phrase()}`;
    return Array.from({ length: this.count(3, 5) }, () => [item(), ...Array.from({ length: this.count(0, 2) }, inner)]).flat().join("\n");
  }

  table() {
    const row = () => `| ${this.words(1, 2)} | \`${this.one(WORDS)}\` | ${this.count(1, 900)} |`;
    return ["| Name | Field | Price |", "| --- | :---: | ---: |", ...Array.from({ length: this.count(3, 6) }, row)].join("\n");
  }

  code() {
    const line = () => `    ${this.one(WORDS)}_${this.one(WORDS)} = find("${this.words(1, 3)}", ${this.count(1, 99)})`;
    return ["```python", `def ${this.one(WORDS)}(items):`, ...Array.from({ length: this.count(3, 8) }, line), "```"].join("\n");
  }

  section() {
    const kinds = [() => this.list(), () => this.table(), () => this.code(), () => `> ${this.paragraph()}`];
    const inner = Array.from({ length: this.count(1, 3) }, () => [this.paragraph(), this.one(kinds)()]).flat();
    return [this.heading(), ...inner].join("\n\n");
  }
}

/** @param {number} length characters, exactly @param {number} [seed] */
export function answer(length, seed = 1) {
  const writer = new Writer(seed);
  let text = "";
  while (text.length < length) text += `${writer.section()}\n\n`;
  return text.slice(0, length);
}

/** Short answers and questions. @param {number} seed @returns {string} some 300 characters */
export function shortAnswer(seed) {
  const writer = new Writer(seed);
  const text = `${writer.paragraph()}\n\n${writer.list()}`;
  return text.slice(0, 300);
}
