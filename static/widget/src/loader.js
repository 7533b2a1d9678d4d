/**
 * What a page loads: finds out which bot it is for, shows the launcher, and keeps calls until the chat is there.
 *
 * The chat itself comes by `import()` once somebody is about to want it: a `script.src` would be refused under Trusted
 * Types, and `import()` hands the tag's nonce on. All else here is ES5; browsers that can't read `import()`
 * get chatbot-widget-legacy.js from the server under the same address.
 */
import { isAble, mount, plainLink } from "./launcher.js";

/** @import { Mounted, Stub, WidgetOptions } from "./ui.js" */

var METHODS = ["init", "open", "close", "toggle", "send", "on", "off", "identify", "shutdown", "destroy", "addBotMessage"];
/** Replaced by the build: the body beside this file, by its content. */
var BODY = /** @type {{ BODY_FILE: string, BODY_INTEGRITY: string }} */ (/** @type {unknown} */ (BUILT));

/** The tag of this script, also where it was combined with others or injected. Told while the script runs only. */
function ownTag() {
  var found = document.currentScript;
  if (found && /** @type {HTMLScriptElement} */ (found).src) return /** @type {HTMLScriptElement} */ (found);
  return /** @type {HTMLScriptElement | null} */ (document.querySelector("script[src*='chatbot-widget']"));
}

/** @param {string} address @param {string} name */
function fromQuery(address, name) {
  var found = new RegExp("[?&]" + name + "=([^&#]*)").exec(address);
  return found ? decodeURIComponent(found[1]) : "";
}

/** @param {HTMLScriptElement | null} tag @returns {WidgetOptions} */
function readOptions(tag) {
  var given = window.chatbotConfig || {};
  var data = tag ? tag.dataset : {};
  var src = tag ? tag.src : "";
  var here = /^(.*)\/static\/widget\/js\//.exec(src);
  return {
    key: data.key || fromQuery(src, "key") || given.key || "",
    host: data.host || given.host || (here ? here[1] : ""),
    accent: data.accent || given.accent,
    label: data.label || given.label,
    position: data.position || given.position,
    zIndex: data.zIndex || given.zIndex,
    open: data.open !== undefined || given.open,
    highlight: data.highlight !== undefined || given.highlight,
    debug: data.debug !== undefined || given.debug,
    launcher: data.launcher !== "none" && given.launcher,
  };
}

/** @param {WidgetOptions} options @param {HTMLScriptElement | null} tag */
function load(options, tag) {
  var address = BODY.BODY_FILE.replace("./", options.host + "/static/widget/js/");
  preload(address, tag);
  return import(address);
}

/**
 * `import()` knows no integrity, but takes what a module preload of the same address fetched and checked. WebKit (2.50)
 * checks nothing there.
 * @param {string} address @param {HTMLScriptElement | null} tag
 */
function preload(address, tag) {
  var link = document.createElement("link");
  link.rel = "modulepreload";
  link.href = address;
  link.integrity = BODY.BODY_INTEGRITY;
  link.crossOrigin = "anonymous";
  if (tag && tag.nonce) link.nonce = tag.nonce;
  link.onload = link.onerror = function () {
    if (link.parentNode) link.parentNode.removeChild(link);
  };
  document.head.appendChild(link);
}

/** @param {HTMLScriptElement | null} tag */
function main(tag) {
  /** @type {Array<[string, IArguments]>} */
  var calls = [];
  /** @type {Mounted | undefined} */
  var mounted;
  /** @type {Promise<unknown> | undefined} */
  var loading;

  function want() {
    if (loading || !mounted) return;
    var at = mounted;
    loading = load(at.options, tag).then(
      function (body) { body.start(at, calls, mount); },
      function () {
        // A lost connection must not leave a button that does nothing.
        loading = undefined;
        if (at.pressed) plainLink(at.options);
      }
    );
  }

  /** @param {WidgetOptions} options */
  function begin(options) {
    if (mounted || !options.key) return;
    if (!isAble()) return plainLink(options);
    mounted = mount(options);
    var at = mounted;
    ["pointerenter", "focus", "touchstart"].forEach(function (type) {
      at.launcher.addEventListener(type, want, { passive: true });
    });
    at.launcher.addEventListener("click", function () {
      at.pressed = true;
      want();
    });
    if (options.open || calls.length) want();
    else whenIdle(want);
  }

  var stub = /** @type {Stub} */ (function () {});
  METHODS.forEach(function (name) {
    stub[name] = function () {
      calls.push([name, arguments]);
      if (name === "init") begin(merged(readOptions(tag), arguments[0] || {}));
      want();
    };
  });
  window.ChatbotWidget = stub;
  begin(readOptions(tag));
}

/** @param {WidgetOptions} first @param {WidgetOptions} then @returns {WidgetOptions} */
function merged(first, then) {
  return Object.assign({}, first, then);
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

function start() {
  var tag = ownTag();
  if (document.body) main(tag);
  else document.addEventListener("DOMContentLoaded", function () { main(tag); });
}

// A second tag finds the first one's: the stub, or the chat itself.
if (!window.ChatbotWidget) start();
