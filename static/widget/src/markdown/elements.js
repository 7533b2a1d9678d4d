/**
 * Links and images, as safe as they are shown: a link tells where it leads, an image is a button until someone
 * asks for it, for an image's address alone can carry what was said in a chat to a stranger's server.
 * @import { Inline, Ref } from "./nodes.js"
 * @import { Context } from "./index.js"
 * @import { Target } from "./links.js"
 */
import { depthOf } from "./emphasis.js";
import { hostToShow, safeURL } from "./links.js";
import { create, element, made, merged, plain, text } from "./nodes.js";

/** @param {Target} target @param {Inline[]} children @param {Context} context @returns {Inline[]} only the children if it leads nowhere safe */
export function link({ href, title }, children, context) {
  const url = safeURL(href, context.baseURI);
  if (!url) return children;
  const host = hostToShow(url, plain(children), context.baseURI);
  const attributes = { href: url.href, title: title || undefined, rel: "noopener noreferrer nofollow", target: "_blank" };
  const shown = host ? merged([...children, text(" "), element("span", [text(host)], { class: "host" })]) : children;
  return [element("a", shown, attributes, depthOf(children))];
}

/** @param {Target} target @param {Inline[]} children @param {Context} context @returns {Inline[]} */
export function image({ href, title }, children, context) {
  const url = safeURL(href, context.baseURI);
  const alt = plain(children);
  if (!url?.host) return [text(alt)];
  const node = made(`image ${url.href}`, (ref) => imageButton(context, ref, url, alt, title));
  return [{ ...node, attributes: { alt } }];
}

/** @param {Context} context @param {Ref} ref @param {URL} url @param {string} alt @param {string} title */
function imageButton({ document, words }, ref, url, alt, title) {
  const button = create(document, "button", { type: "button", class: "image" }, `${words.image}: ${alt} (${url.host})`);
  button.addEventListener("click", (event) => {
    event.preventDefault();
    ref.dom = create(document, "img", { referrerpolicy: "no-referrer", alt, title: title || undefined, src: url.href });
    button.replaceWith(ref.dom);
  });
  return button;
}
