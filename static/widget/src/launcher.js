/**
 * The closed chat: a host element with a shadow root, and in it one button.
 *
 * It is all that a page has until somebody wants to chat, so it is small and written in ES5 by hand. The host stands
 * beside <body>, not in it: page libraries that replace the body (Turbo, view transitions) leave it alone, and a
 * transform on the body does not move it. The page's rules can't reach into a shadow root, and of rules on the
 * host `:host` wins where it says !important: https://drafts.csswg.org/css-cascade-4/#cascade-context
 */

/** @import { Mounted, WidgetOptions } from "./ui.js" */

var SVG = "http://www.w3.org/2000/svg";
var BUBBLE = "M12 3C6.5 3 2 6.8 2 11.5c0 2.3 1.1 4.4 2.9 5.9L4 21.5l4.6-2.2c1.1.3 2.2.4 3.4.4 5.5 0 10-3.7 10-8.2S17.5 3 12 3z";

/** Far over 1 for a colour on which white is read better than black, far under 0 for others. */
var FAR = " calc((.179 - y)*1e5)";

/** @param {WidgetOptions} options */
function rules(options) {
  var side = options.position === "left" ? "left" : "right";
  return (
    ":host{all:initial!important;display:block!important;position:fixed!important;inset:0!important;" +
    "width:0!important;height:0!important;overflow:visible!important;direction:ltr!important;z-index:" + (Number(options.zIndex) || 2147483000) + "!important;" +
    "--x:" + px(options.offsetX) + ";--y:" + px(options.offsetY) + ";" +
    "--accent:var(--chatbot-accent," + colour(options.accent) + ");--on:#fff}" +
    // Of black and white what is read better on the accent, by WCAG's luminance; values beyond a screen's are cut off.
    "@supports(color:color(from red xyz-d65 x y z)){:host{" +
    "--on:color(from var(--accent) xyz-d65" + FAR + FAR + FAR + ")}}" +
    "@media print{:host{display:none!important}}" +
    ".launcher{all:initial;position:fixed;bottom:var(--y);" + side + ":var(--x);width:56px;height:56px;border-radius:28px;" +
    "display:grid;place-items:center;background:var(--accent);color:var(--chatbot-on-accent,var(--on));cursor:pointer;" +
    // WebKit takes the font family from <html> where it is `initial`.
    "font:16px/1 sans-serif;" +
    "box-shadow:0 6px 20px rgba(0,0,0,.25)}" +
    ".launcher:hover{filter:brightness(1.1)}" +
    // Two colours: one of them is seen on any page.
    ".launcher:focus-visible{outline:3px solid #000;outline-offset:3px;box-shadow:0 0 0 3px #fff}" +
    ".launcher[hidden]{display:none}.launcher[aria-busy]{opacity:.6}" +
    ".launcher svg{width:28px;height:28px;fill:currentColor}" +
    "@media (forced-colors:active){.launcher{border:2px solid ButtonText}}"
  );
}

/** @param {any} offset a number, as such or as a text */
function px(offset) {
  offset = parseFloat(offset);
  return (offset < Infinity ? offset : 20) + "px";
}

/** A colour that is one, so that nothing else gets into a rule. @param {string | undefined} text */
function colour(text) {
  return text && /^#[0-9a-f]{3,8}$|^[a-z]{3,20}$/i.test(text) ? text : "#1750c4";
}

/** @param {string} label */
function button(label) {
  var made = document.createElement("button");
  var icon = document.createElementNS(SVG, "svg");
  var path = document.createElementNS(SVG, "path");
  made.type = "button";
  made.className = "launcher";
  made.setAttribute("part", "launcher");
  made.setAttribute("aria-label", label);
  made.setAttribute("aria-expanded", "false");
  icon.setAttribute("viewBox", "0 0 24 24");
  icon.setAttribute("aria-hidden", "true");
  path.setAttribute("d", BUBBLE);
  icon.appendChild(path);
  made.appendChild(icon);
  return made;
}

/** Whether this browser can show the chat itself; where not, there is a plain page. */
export function isAble() {
  var sheets = "adoptedStyleSheets" in Document.prototype && "replaceSync" in CSSStyleSheet.prototype;
  return sheets && "attachShadow" in Element.prototype && "AbortController" in window && "fetch" in window;
}

/**
 * Put the closed chat into the page.
 * @param {WidgetOptions} options
 * @returns {Mounted}
 */
export function mount(options) {
  var host = document.createElement("chatbot-widget");
  var root = host.attachShadow({ mode: "open" });
  var sheet = new CSSStyleSheet();
  var launcher = button(options.label || "Open chat");
  sheet.replaceSync(rules(options));
  root.adoptedStyleSheets = [sheet];
  root.appendChild(launcher);
  launcher.hidden = options.launcher === false || options.launcher === "none" || !!options.container;
  var made = /** @type {Mounted} */ ({ host: host, root: root, launcher: launcher, options: options });
  var stay = remain(host);
  made.arrived = function () {
    clearTimeout(made.patience);
    launcher.removeAttribute("aria-busy");
    if (made.link && made.link.parentNode) made.link.parentNode.removeChild(made.link);
  };
  made.leave = function () {
    made.arrived();
    stay();
  };
  return made;
}

/**
 * Keep the host in the document, whatever the page does to its own nodes.
 * @param {HTMLElement} host
 * @returns {() => void} takes it out for good
 */
function remain(host) {
  var watch = new MutationObserver(put);
  function put() {
    var html = document.documentElement;
    if (host.parentNode === html) return;
    // Asked before: WebKit leaves what it has laid out already in its old place when the host is lifted.
    var shifts = isShifted(html);
    html.appendChild(host);
    // Some libraries replace <html> itself.
    watch.observe(html, { childList: true });
    if (shifts) lift(host);
  }
  /** After the body, once there is one: the order of the Tab key. */
  function last() {
    if (host.parentNode && !host.contains(document.activeElement)) document.documentElement.appendChild(host);
  }
  watch.observe(document, { childList: true });
  put();
  if (!document.body) document.addEventListener("DOMContentLoaded", last, { once: true });
  return function () {
    watch.disconnect();
    if (host.parentNode) host.parentNode.removeChild(host);
  };
}

/** What makes fixed elements go along with <html>, and not with the window. */
var SHIFTS = ["transform", "filter", "perspective", "backdropFilter", "scale", "rotate", "translate"];

/** @param {Element} html */
function isShifted(html) {
  var style = /** @type {any} */ (getComputedStyle(html));
  function isSet(/** @type {string} */ name) { return style[name] && style[name] !== "none"; }
  return SHIFTS.some(isSet) || /[pls]/.test(style.contain.replace("none", "")) || /[rlt]/.test(style.willChange.replace("auto", ""));
}

/** Above the page, in the window's own place: only where it must be, for no z-index goes there. @param {HTMLElement} host */
function lift(host) {
  if (!host.showPopover) return;
  host.popover = "manual";
  host.showPopover();
}

/** One link to the page that answers without this script. @param {Pick<Mounted, "options" | "link">} at */
export function plainLink(at) {
  var options = at.options;
  if (at.link) return;
  var link = (at.link = document.createElement("a"));
  link.href = options.host + "/chat/" + encodeURIComponent(options.key || "") + (options.lang ? "?lang=" + encodeURIComponent(options.lang) : "");
  link.target = "_blank";
  link.rel = "noopener";
  link.appendChild(document.createTextNode("Chat"));
  link.style.cssText =
    "position:fixed;" + (options.position === "left" ? "left" : "right") + ":20px;bottom:84px;z-index:2147483000;" +
    "padding:14px 20px;border-radius:28px;background:#1750c4;color:#fff;font:16px sans-serif;text-decoration:none";
  document.documentElement.appendChild(link);
}
