/**
 * Links and images, as safe as they are shown: a link tells where it leads (in a direction of its own, for a mark in its
 * words can turn the direction of what follows), an image is a button until someone
 * asks for it, for an image's address alone can carry what was said in a chat to a stranger's server.
 * @import { Attributes, Inline, Ref } from "./nodes.js"
 * @import { Context } from "./index.js"
 * @import { Target } from "./links.js"
 */
import { depthOf } from "./emphasis.js";
import { hostToShow, safeURL } from "./links.js";
import { create, element, made, merged, plain, text } from "./nodes.js";

/** @param {{href: string, title?: string}} target @param {Inline[]} children @param {Context} context @returns {Inline[]} only the children if it leads nowhere safe */
export function link({ href, title }, children, context) {
  const url = safeURL(href, context.baseURI);
  if (!url) return children;
  const host = hostToShow(url, plain(children), context.baseURI);
  const attributes = { href: url.href, title: title || null, rel: "noopener noreferrer nofollow", target: "_blank" };
  const shown = host ? merged([...children, text(" "), element("span", [text(host)], { class: "host", dir: "ltr" })]) : children;
  return [element("a", shown, attributes, depthOf(children))];
}

/** @param {Target} target @param {Inline[]} children @param {Context} context @returns {Inline[]} */
export function image({ href, title }, children, { baseURI, document, words }) {
  const url = safeURL(href, baseURI);
  const alt = plain(children);
  if (!url?.host) return [text(alt)];
  const attributes = { referrerpolicy: "no-referrer", alt, title: title || null, src: url.href };
  const label = `${words.image}: ${alt} (${url.host})`;
  return [{ ...made(`image ${url.href}`, (ref) => imageButton(document, ref, label, attributes)), attributes }];
}

/** @param {Document} document @param {Ref} ref @param {string} label @param {Attributes} attributes of the image */
function imageButton(document, ref, label, attributes) {
  const button = create(document, "button", { type: "button", class: "image" }, label);
  button.addEventListener("click", (event) => {
    event.preventDefault();
    button.replaceWith((ref.dom = create(document, "img", attributes)));
  });
  return button;
}
