/**
 * What a page loads: finds out which bot it is for, shows the launcher, and keeps calls until the chat is there.
 *
 * The chat itself comes by `import()` once somebody is about to want it: a `script.src` would be refused under Trusted
 * Types, and `import()` hands the tag's nonce on. All else here is ES5; browsers that can't read `import()`
 * get chatbot-widget-legacy.js from the server under the same address.
 */
import { isAble, mount, plainLink } from "./launcher.js";

/** @import { Mounted, Stub, WidgetOptions } from "./ui.js" */

var METHODS = "init open close toggle send on off identify shutdown destroy addBotMessage consent newConversation forgetConversation".split(" ");
/** Calls after which somebody waits for the chat. */
var WANTED = ["open", "toggle", "send"];
/** Milliseconds after which a visitor who waits is given the plain page's link besides. */
var PATIENCE = 10000;
/** Replaced by the build: the body beside this file, by its content. */
var BODY = /** @type {{ BODY_FILE: string, BODY_INTEGRITY: string }} */ (/** @type {unknown} */ (BUILT));

/**
 * The tag of this script, also where it was combined with others or injected. Told while the script runs only; an image
 * that is named "currentScript" takes its place, so it is looked at.
 */
function ownTag() {
  var found = document.currentScript;
  if (found && found.tagName === "SCRIPT" && /** @type {HTMLScriptElement} */ (found).src) return /** @type {HTMLScriptElement} */ (found);
  return /** @type {HTMLScriptElement | null} */ (document.querySelector("script[src*='chatbot-widget']"));
}

/** @param {string} address @param {string} name */
function fromQuery(address, name) {
  var found = new RegExp("[?&]" + name + "=([\\w-]*)").exec(address);
  return found ? found[1] : "";
}

/** The page's own settings; nodes with that name are none. @returns {WidgetOptions} */
function given() {
  var found = window.chatbotConfig;
  return !found || found instanceof Element || found instanceof HTMLCollection ? {} : found;
}

/**
 * The page's settings, and over them the tag's: `data-z-index` is `zIndex`, and one without a value is true.
 * @param {HTMLScriptElement | null} tag @returns {WidgetOptions}
 */
function readOptions(tag) {
  var options = Object.assign({}, given());
  var data = tag ? tag.dataset : {};
  var src = tag ? tag.src : "";
  var here = /^(.*)\/static\/widget\/js\//.exec(src);
  for (var name in data) options[name] = data[name] || data[name] === "";
  options.key = data.key || fromQuery(src, "key") || options.key || "";
  options.host = data.host || (here ? here[1] : options.host) || "";
  return options;
}

/** @param {WidgetOptions} options @param {HTMLScriptElement | null} tag */
function load(options, tag) {
  var address = BODY.BODY_FILE.replace("./", options.host + "/static/widget/js/");
  preload(address, tag);
  return import(address);
}

/**
 * `import()` knows no integrity, but takes what a module preload of the same address fetched and checked; Chromium and
 * Firefox do, WebKit (2.50) checks nothing there.
 * @param {string} address @param {HTMLScriptElement | null} tag
 */
function preload(address, tag) {
  var link = document.createElement("link");
  if (!link.relList || !link.relList.supports("modulepreload")) return;
  link.rel = "modulepreload";
  link.href = address;
  link.integrity = BODY.BODY_INTEGRITY;
  link.crossOrigin = "anonymous";
  if (tag && tag.nonce) link.nonce = tag.nonce;
  link.onload = link.onerror = function () {
    if (link.parentNode) link.parentNode.removeChild(link);
  };
  (document.head || document.documentElement).appendChild(link);
}

/** @param {HTMLScriptElement | null} tag */
function main(tag) {
  /** @type {Array<[string, IArguments]>} */
  var calls = [];
  /** @type {Mounted | undefined} */
  var mounted;
  /** @type {Promise<unknown> | undefined} */
  var loading;

  /** @param {WidgetOptions} [options] */
  function place(options) {
    return mount(Object.assign(readOptions(tag), options));
  }

  function want() {
    if (loading || !mounted) return;
    var at = mounted;
    loading = load(at.options, tag)
      .then(function (body) {
        return at === mounted && body.start(at, calls, place);
      })
      .catch(function (error) {
        // A lost connection must not leave a button that does nothing.
        console.error("[ChatbotWidget]", error);
        loading = undefined;
        if (at.pressed) plainLink(at);
      });
  }

  /** Somebody waits for the chat. */
  function press() {
    if (!mounted) return;
    var at = mounted;
    at.pressed = true;
    at.launcher.setAttribute("aria-busy", "true");
    at.patience = at.patience || setTimeout(function () { plainLink(at); }, PATIENCE);
    want();
  }

  /** @param {WidgetOptions} options */
  function begin(options) {
    if (mounted || !options.key) return;
    if (!isAble()) return plainLink({ options: options });
    mounted = mount(options);
    var at = mounted;
    ["pointerenter", "focus", "touchstart"].forEach(function (type) {
      at.launcher.addEventListener(type, want, { passive: true });
    });
    at.launcher.addEventListener("click", press);
    if (options.open || options.container) want();
    else whenIdle(want);
  }

  function end() {
    if (mounted) mounted.leave();
    mounted = undefined;
    delete window.ChatbotWidget;
  }

  var stub = /** @type {Stub} */ (function () {});
  METHODS.forEach(function (name) {
    stub[name] = function () {
      if (name === "destroy") return end();
      calls.push([name, arguments]);
      if (name === "init") begin(Object.assign(readOptions(tag), arguments[0]));
      if (WANTED.indexOf(name) > -1) press();
    };
  });
  window.ChatbotWidget = stub;
  begin(readOptions(tag));
}

/** @param {() => void} work */
function whenIdle(work) {
  var saves = navigator.connection && navigator.connection.saveData;
  if (saves) return;
  var later = window.requestIdleCallback || function (/** @type {() => void} */ f) { setTimeout(f, 2000); };
  function idle() { later(work); }
  if (document.readyState === "complete") idle();
  else window.addEventListener("load", idle, { once: true });
}

// A second tag finds the first one's: the stub, or the chat itself.
if (!window.ChatbotWidget || window.ChatbotWidget instanceof Element) main(ownTag());
