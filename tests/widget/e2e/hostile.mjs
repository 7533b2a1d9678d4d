/** What pages do to a chat in their midst, and how to see that neither takes harm: for every browser the same. */
import { readFileSync } from "node:fs";

export const NONCE = "abc123";
/** The policies that docs/widget.md names, for a server. */
const [names, nonce, dynamic] = /## Content-Security-Policy.*?```\n(.*?)\n```/s
  .exec(readFileSync("docs/widget.md", "utf8"))[1]
  .split("\n")
  .map((line) => (at) => `default-src 'self'; ${line.replaceAll("https://chat.example", at).replace("nonce-…", `nonce-${NONCE}`)}`)
  // A page that names servers has scripts of its own, too.
  .map((policy, n) => (n ? policy : (at) => policy(at).replace("script-src", "script-src 'self'")));
export const POLICIES = { "names the server": names, "has a nonce": nonce, "has a nonce and strict-dynamic": dynamic };
export const TRUSTED_TYPES = "require-trusted-types-for 'script'; trusted-types 'none'";

/** In the page: note in `violations` what its policy refused. */
export const noteViolations = () => {
  window.violations = [];
  addEventListener("securitypolicyviolation", (e) => violations.push(`${e.violatedDirective} ${e.blockedURI}`));
};

/** Rules that reach for everything. */
export const TORTURE = `<style>
  html{font-size:62.5%;direction:rtl} body{letter-spacing:3px;text-transform:uppercase;white-space:pre;line-height:3;transform:rotate(1deg) scale(.9);font:italic 30px serif;color:red;direction:rtl}
  *{box-sizing:content-box!important;margin:9px!important;padding:7px!important;color:red!important;display:inline!important;float:left!important;font:30px cursive!important;
    border:3px dotted lime!important;background:yellow!important;position:static!important;z-index:1!important;transition:all 1s!important;animation:none!important;
    width:13px!important;height:13px!important;opacity:.5!important;filter:blur(1px)!important;transform:rotate(3deg)!important;visibility:hidden!important;direction:rtl!important}
  button,textarea,h2{all:unset!important}
  chatbot-widget{display:none!important;opacity:0!important}
</style>`;

/** An answer of every form, for `addBotMessage`. */
export const ALL_FORMS = "# A\n\n- b\n\n| c |\n|---|\n| d |\n\n```js\ne\n```\n\n[f](https://g.example) `h`";

/** In the page: all computed styles of the launcher, the open panel and what is in them. */
// An inline box has no transform; Firefox tells the origin of its first piece, of which there are more on a page with right-to-left text.
export const stylesOfWidget = () => {
  const root = document.querySelector("chatbot-widget").shadowRoot;
  // Whether the end is in sight is no matter of style.
  root.querySelector(".to-end").hidden = true;
  // What opens has opened.
  for (const one of root.getAnimations()) if (one.effect.getTiming().iterations === 1) one.finish();
  return [...root.querySelectorAll("*")].map((node) => {
    const style = getComputedStyle(node);
    // The widget's own accent is inherited on purpose; sizes of boxes come from the texts that were said.
    return [`${node.localName}.${node.className?.baseVal ?? node.className}`, [...style].filter((n) => !n.startsWith("--") && !(style.display === "inline" && n.endsWith("-origin"))).map((n) => `${n}: ${style.getPropertyValue(n)}`)];
  });
};

/** In the page: listen wherever a page can, and note in `seen` what is typed. */
export const noteKeys = () => {
  window.seen = [];
  const note = (e) => seen.push(e.type + (e.data ?? e.key ?? ""));
  for (const type of ["keydown", "keypress", "keyup", "beforeinput", "input", "focusin"])
    for (const [on, capture] of [[document, true], [document, false], [window, false], [document.documentElement, true]]) on.addEventListener(type, note, capture);
};

/** In the page, before the tag: keep in `kept` the listeners that were added to what is the page's. */
export const countListeners = () => {
  const kept = (window.kept = new Map());
  const target = EventTarget.prototype;
  const { addEventListener: add, removeEventListener: remove } = target;
  const name = (type, o) => [type, typeof o === "object" ? !!o?.capture : !!o].join();
  target.addEventListener = function (type, f, o) {
    const isPages = this === window || this === document || this === document.documentElement || this === window.visualViewport;
    if (isPages && !o?.once) {
      kept.set(f, (kept.get(f) ?? []).concat(name(type, o)));
      if (o?.signal) add.call(o.signal, "abort", () => target.removeEventListener.call(this, type, f, o));
    }
    return add.call(this, type, f, o);
  };
  target.removeEventListener = function (type, f, o) {
    const rest = (kept.get(f) ?? []).filter((n) => n !== name(type, o));
    rest.length ? kept.set(f, rest) : kept.delete(f);
    return remove.call(this, type, f, o);
  };
};

/** In the page: all that a chat could leave behind, as one text. */
export const traces = () =>
  [Object.getOwnPropertyNames(window).sort().join(), document.documentElement.outerHTML, document.adoptedStyleSheets.length, kept.size].join("\n");
