/**
 * Texts are put into the page once a frame, however fast they come; the first at once. A hidden page has no frames, so
 * there a clock stands in.
 */
export class Frames {
  #waiting = "";
  #begun = false;
  #scheduled = false;
  #put;

  /** @param {(text: string) => void} put */
  constructor(put) {
    this.#put = put;
  }

  /** @param {string} text */
  write(text) {
    this.#waiting += text;
    if (!this.#begun) this.flush();
    else if (!this.#scheduled) this.#schedule();
    this.#begun = true;
  }

  #schedule() {
    this.#scheduled = true;
    const later = () => {
      this.#scheduled = false;
      this.flush();
    };
    if (document.hidden) setTimeout(later, 100);
    else requestAnimationFrame(later);
  }

  flush() {
    const text = this.#waiting;
    this.#waiting = "";
    if (text) this.#put(text);
  }
}
