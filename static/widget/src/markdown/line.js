/**
 * A line and how far it has been read. Indentation counts in columns, of which a tab takes up to four, so a tab may have
 * to be split; that is done only where it must be, for a Makefile in a fence keeps its tabs.
 */
export class Line {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
    this.column = 0;
  }

  get blank() {
    return !this.rest;
  }

  /** What follows the white space. */
  get rest() {
    return this.text.replace(/^[ \t]+/, "");
  }

  /** How many columns of white space come next. */
  get indent() {
    let column = this.column;
    for (const c of this.text) {
      if (c === "\t") column += 4 - (column % 4);
      else if (c === " ") column++;
      else break;
    }
    return column - this.column;
  }

  /** @param {number} columns of white space, or fewer where there are fewer */
  skip(columns) {
    for (const end = this.column + columns; this.column < end && /^[ \t]/.test(this.text); ) {
      if (this.text[0] === "\t") this.text = " ".repeat(4 - (this.column % 4)) + this.text.slice(1);
      this.take(1);
    }
  }

  /** @param {number} count */
  take(count) {
    this.text = this.text.slice(count);
    this.column += count;
  }
}
