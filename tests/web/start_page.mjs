// The start page's script in a page that is just large enough for it: what it shows for an answer that the test names.
import { readFile } from "node:fs/promises";

class Element {
  constructor(name) {
    Object.assign(this, { name, children: [], attributes: {}, listeners: {}, value: "", seen: 0 });
    this.className = "";
    this.classList = { add: (more) => (this.className += ` ${more}`) };
  }
  get textContent() {
    return this.children.map((child) => child.textContent ?? child).join("");
  }
  set textContent(text) {
    this.children = text ? [text] : [];
  }
  append(...more) {
    this.children.push(...more);
  }
  replaceChildren(...more) {
    this.children = more;
  }
  setAttribute(name, value) {
    this.attributes[name] = value;
  }
  addEventListener(name, listener) {
    this.listeners[name] = listener;
  }
  querySelector() {
    return (this.found ??= new Element("button"));
  }
  scrollIntoView() {
    this.seen += 1;
  }
}

const [file, status, body] = process.argv.slice(2);
const elements = {};
const answers = [
  new Response(JSON.stringify({ name: "Shop", greeting: "", contact: "Call us.", suggestions: [] })),
  new Response(body, { status: Number(status) }),
];
Object.assign(globalThis, {
  document: {
    getElementById: (id) => (elements[id] ??= new Element(id)),
    createElement: (name) => new Element(name),
  },
  location: { hash: "#key=pk_x", pathname: "/" },
  history: { replaceState() {} },
  fetch: async () => answers.shift(),
});

await import(`data:text/javascript,${encodeURIComponent(await readFile(file, "utf8"))}`);
const settled = () => new Promise((resolve) => setTimeout(resolve, 50));
await settled();
elements.question.value = "Hello";
elements.ask.listeners.submit({ preventDefault() {} });
await settled();
const answer = elements.talk.children[1];
const note = answer.children.find((child) => child.name === "p");
console.log(
  JSON.stringify({
    text: answer.textContent,
    className: answer.className,
    busy: answer.attributes["aria-busy"],
    role: note?.attributes.role,
    seen: note?.seen ?? 0,
    timing: elements.timing.textContent,
  }),
);
