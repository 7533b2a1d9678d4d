/**
 * The tag that gives a page the chat as the editor has it: only what differs from what the chat has by itself. Looks that
 * are sizes and colours are custom properties, since a page may set those from its own style sheet as well.
 */

/**
 * @typedef {object} Choice what the editor's fields say; empty or absent: as it is by itself
 * @property {string} [accent] `#rrggbb`
 * @property {string} [theme]
 * @property {string} [position]
 * @property {string} [offsetX]
 * @property {string} [offsetY]
 * @property {string} [lang]
 * @property {string} [label]
 * @property {string} [open] any text: yes
 * @property {string} [highlight] any text: yes
 * @property {string} [radius]
 * @property {string} [fontSize]
 * @property {string} [width]
 * @property {string} [height]
 */

/** Fields that are attributes of the tag, those without a value, and those that are sizes. */
const ATTRIBUTES = /** @type {const} */ (["theme", "position", "offsetX", "offsetY", "lang", "label"]);
const FLAGS = /** @type {const} */ (["open", "highlight"]);
const SIZES = /** @type {const} */ (["radius", "fontSize", "width", "height"]);

const dashed = (/** @type {string} */ name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** The tag's attributes without `data-`. @param {string} key @param {Choice} choice @returns {[string, string][]} */
export function attributesOf(key, choice) {
  const given = ATTRIBUTES.flatMap((name) => (choice[name] ? [pair(name, choice[name])] : []));
  const flags = FLAGS.flatMap((name) => (choice[name] ? [pair(name, "")] : []));
  return [["key", key], ...given, ...flags];
}

/** @param {string} name @param {string} value @returns {[string, string]} */
const pair = (name, value) => [dashed(name), value];

/** The custom properties and their values. @param {Choice} choice @returns {[string, string][]} */
export function propertiesOf(choice) {
  const { accent = "" } = choice;
  const colours = /^#[0-9a-f]{6}$/i.test(accent) ? [property("accent", accent), property("onAccent", readableOn(accent))] : [];
  const sizes = SIZES.flatMap((name) => (/^\d{1,4}$/.test(choice[name] ?? "") ? [property(name, `${choice[name]}px`)] : []));
  return [...colours, ...sizes];
}

/** @param {string} name @param {string} value @returns {[string, string]} */
const property = (name, value) => [`--chatbot-${dashed(name)}`, value];

/** White or near-black, whichever is read better on that colour. @param {string} colour */
export function readableOn(colour) {
  const light = luminance(colour);
  return 1.05 / (light + 0.05) >= (light + 0.05) / (luminance("#16191d") + 0.05) ? "#ffffff" : "#16191d";
}

/** Source: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance @param {string} colour */
function luminance(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** The rule for them; empty where there are none. @param {[string, string][]} properties */
export function ruleOf(properties) {
  if (!properties.length) return "";
  return `chatbot-widget {\n${properties.map(([name, value]) => `  ${name}: ${value};\n`).join("")}}`;
}

const ESCAPES = { "&": "&amp;", '"': "&quot;", "<": "&lt;", ">": "&gt;" };
/** @param {string} text */
const escaped = (text) => text.replace(/[&"<>]/g, (sign) => ESCAPES[/** @type {keyof typeof ESCAPES} */ (sign)]);

/**
 * What an owner pastes.
 * @param {string} base where the server is @param {string} key @param {Choice} choice
 */
export function written(base, key, choice) {
  const rule = ruleOf(propertiesOf(choice));
  const attributes = attributesOf(key, choice).map(([name, value]) => ` data-${name}${value && `="${escaped(value)}"`}`);
  const plain = `${base}/chat/${encodeURIComponent(key)}`;
  return [
    ...(rule ? [`<style>\n${rule}\n</style>`] : []),
    `<script src="${escaped(base)}/static/widget/js/chatbot-widget.js"${attributes.join("")} async></script>`,
    `<noscript><a href="${escaped(plain)}">Chat</a></noscript>`,
  ].join("\n");
}
