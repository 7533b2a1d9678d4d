/** In the page: what can be told from what in the open chat, by WCAG's contrast of the colours that the browser computes. */
export const contrasts = () => {
  const root = document.querySelector("chatbot-widget").shadowRoot;
  const brush = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  /** Colours over one another, the first one lowest, as a screen shows them. */
  const shown = (...colours) => {
    brush.clearRect(0, 0, 1, 1);
    for (const colour of colours) {
      brush.fillStyle = colour;
      brush.fillRect(0, 0, 1, 1);
    }
    return brush.getImageData(0, 0, 1, 1).data;
  };
  const linear = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const grounds = (node) => {
    const under = [];
    for (let one = node; one instanceof Element; one = one.parentElement) under.unshift(getComputedStyle(one).backgroundColor);
    return under;
  };
  const ratio = (colour, node) => {
    const ground = grounds(node);
    const [low, high] = [luminance(shown(...ground)), luminance(shown(...ground, colour))].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const found = [];
  const note = (kind, node, colour, least, on = node) => found.push({ kind, least, ratio: ratio(colour, on), what: `${node.localName}.${node.className} ${node.textContent.slice(0, 30)}` });

  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode.parentElement;
    if (node.checkVisibility() && !node.closest(".sr") && texts.currentNode.data.trim()) note("text", node, getComputedStyle(node).color, 4.5);
  }
  const input = root.querySelector("textarea");
  note("text", input, getComputedStyle(input).color, 4.5);
  note("placeholder", input, getComputedStyle(input, "::placeholder").color, 4.5);
  note("edge", input, getComputedStyle(input.form).borderTopColor, 3, input.form.parentElement);
  for (const icon of root.querySelectorAll("button svg")) {
    if (icon.parentElement.checkVisibility()) note("icon", icon.parentElement, getComputedStyle(icon.parentElement).color, 3);
  }
  const focusable = "button, a, textarea, summary, [tabindex='0']";
  for (const node of [...root.querySelectorAll(`.panel :is(${focusable})`)].filter((one) => one.checkVisibility())) {
    node.focus({ preventScroll: true });
    const ringed = node === input ? node.form : node;
    const { outlineStyle, outlineColor, outlineWidth } = getComputedStyle(ringed);
    if (outlineStyle === "none" || parseFloat(outlineWidth) < 2) found.push({ kind: "focus", least: 3, ratio: 1, what: node.className });
    else note("focus", node, outlineColor, 3, ringed.parentElement);
  }
  return found;
};
