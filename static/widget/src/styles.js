/**
 * The open chat's look. One constructed style sheet: a page's Content-Security-Policy has no say in it, and the page's own
 * rules don't reach it. Sizes are px: rem is the page's.
 */
const RULES = `
.panel{all:initial;position:fixed;bottom:88px;right:20px;width:400px;height:min(640px,calc(100vh - 108px));
display:flex;flex-direction:column;overflow:hidden;border-radius:16px;border:1px solid var(--line);
background:var(--back);color:var(--ink);font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
box-shadow:0 12px 40px rgba(0,0,0,.22);color-scheme:light;text-align:start;
--back:#fff;--ink:#1b1f24;--soft:#57606a;--line:#d8dee4;--fill:#f3f5f8;--mark:#fff4d6;--link:#0b57c9;--bad:#b3261e}
.panel.left{right:auto;left:20px}
.panel[hidden],.panel [hidden]{display:none!important}
@media (prefers-color-scheme:dark){.panel.auto{color-scheme:dark;--back:#16191d;--ink:#e8ebef;--soft:#a2acb7;
--line:#363d46;--fill:#22272e;--mark:#3d3418;--link:#8ab8ff;--bad:#ff9c94}}
.panel.dark{color-scheme:dark;--back:#16191d;--ink:#e8ebef;--soft:#a2acb7;--line:#363d46;--fill:#22272e;--mark:#3d3418;--link:#8ab8ff;--bad:#ff9c94}
.panel *{box-sizing:border-box}
.panel :focus-visible{outline:2px solid var(--link);outline-offset:2px}
header{display:flex;align-items:center;gap:8px;padding:10px 8px 10px 16px;border-bottom:1px solid var(--line)}
h2{flex:1;margin:0;font-size:16px;font-weight:600;overflow-wrap:anywhere}
button{font:inherit;color:inherit}
.icon{display:grid;place-items:center;width:36px;height:36px;padding:0;border:0;border-radius:8px;background:none;cursor:pointer;color:var(--soft)}
.icon:hover{background:var(--fill);color:var(--ink)}
.icon svg{width:20px;height:20px;fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.icon[aria-pressed=true]{color:var(--link)}
.icon[aria-pressed=true] svg{fill:currentColor}
.transcript{flex:1;overflow-y:auto;overflow-anchor:none;overscroll-behavior:contain;padding:16px}
.transcript,.group{display:flex;flex-direction:column;gap:14px}
.message{max-width:100%;overflow-wrap:anywhere}
.message.user{align-self:flex-end;max-width:85%;padding:8px 14px;border-radius:16px 16px 4px 16px;background:var(--fill)}
.user .message-content{white-space:pre-wrap}
.message-content>:first-child{margin-top:0}
.message-content>:last-child{margin-bottom:0}
.message-content[aria-busy=true]:empty::after{content:"";display:block;width:36px;height:10px;margin:8px 0;border-radius:5px;
background:radial-gradient(circle,var(--soft) 4px,transparent 5px) 0/12px 10px;animation:wait 1.2s infinite}
@keyframes wait{50%{opacity:.25}}
@media (prefers-reduced-motion:reduce){.message-content::after{animation:none!important}}
p,ul,ol,blockquote,table,.code{margin:0 0 10px}
h1,h3,h4,h5,h6,.message-content h2{margin:16px 0 6px;font-size:16px;font-weight:650;line-height:1.35}
.message-content h1{font-size:19px}.message-content h2{font-size:17px}
ul,ol{padding-inline-start:22px}
li>p{margin-bottom:4px}
li>p,blockquote>p{unicode-bidi:plaintext}
blockquote{padding-inline-start:12px;border-inline-start:3px solid var(--line);color:var(--soft)}
hr{border:0;border-top:1px solid var(--line);margin:14px 0}
a{color:var(--link)}
.host{color:var(--soft);font-size:12px}
code{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;background:var(--fill);border-radius:4px;padding:1px 4px}
.code{border:1px solid var(--line);border-radius:8px;overflow:hidden}
.head{display:flex;justify-content:space-between;align-items:center;gap:8px;padding:2px 4px 2px 12px;background:var(--fill);color:var(--soft);font-size:12px}
pre{margin:0;padding:10px 12px;overflow:auto;max-height:360px;white-space:pre}
pre code{padding:0;background:none}
table{display:block;overflow-x:auto;border-collapse:collapse;max-width:100%}
th,td{padding:4px 10px;border:1px solid var(--line);text-align:start}
th{background:var(--fill);font-weight:600}
td.center,th.center{text-align:center}td.right,th.right{text-align:right}td.left,th.left{text-align:left}
.task{list-style:none}
.cite{min-width:24px;height:22px;padding:0 5px;border:0;border-radius:6px;background:var(--fill);color:var(--link);font-size:12px;cursor:pointer;vertical-align:1px}
.button,.image{padding:5px 12px;border:1px solid var(--line);border-radius:8px;background:var(--back);cursor:pointer;min-height:32px}
.button:hover,.image:hover{background:var(--fill)}
.code .button{min-height:26px;padding:0 8px;border:0;background:none}
.sources{margin-top:8px;font-size:13.5px}
.sources h3{margin:0 0 4px;font-size:12px;font-weight:600;color:var(--soft)}
.sources ol{margin:0;padding:0;list-style:none}
.sources summary{cursor:pointer;padding:3px 0;overflow-wrap:anywhere}
.sources blockquote{margin:4px 0;white-space:pre-wrap}
.actions{display:flex;gap:2px;margin-top:4px;align-items:center;color:var(--soft);font-size:13px}
.notice{margin-top:8px;padding:10px 12px;border-radius:10px;background:var(--mark);font-size:14px}
.notice p{margin:0 0 6px}
.notice .row{display:flex;flex-wrap:wrap;gap:8px;align-items:center}
.notice .id{font-size:12px;color:var(--soft);overflow-wrap:anywhere}
.suggestions{display:flex;flex-wrap:wrap;gap:8px}
button:disabled,textarea:disabled{opacity:.5;cursor:default}
[dir=rtl] form svg{transform:scaleX(-1)}
form{display:flex;flex-wrap:wrap;align-items:flex-end;gap:6px;padding:10px 10px 6px 12px;border-top:1px solid var(--line)}
textarea{flex:1;min-width:0;max-height:140px;padding:8px 12px;border:1px solid var(--line);border-radius:12px;background:var(--back);color:var(--ink);font:inherit;font-size:16px;line-height:1.4;resize:none;field-sizing:content}
.over{flex-basis:100%;color:var(--bad);font-size:13px}
.message-content img{max-width:100%;height:auto}
.note{min-height:calc(1lh + 8px);padding:0 14px 8px;color:var(--soft);font-size:12px}
.sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
@media (max-width:480px),(max-height:480px){.launcher[aria-expanded=true]{visibility:hidden}.panel,.panel.left{inset:0;width:100%;height:100dvh;border:0;border-radius:0}}
@media (forced-colors:active){.panel,.message.user,.notice{border:1px solid CanvasText}}
`;

/** The open chat's style sheet. */
export function sheet() {
  const made = new CSSStyleSheet();
  made.replaceSync(RULES);
  return made;
}

/** One for each chat, however often it begins anew. @type {WeakMap<ShadowRoot, CSSStyleSheet>} */
const tints = new WeakMap();

/**
 * Give the chat that holds `node` the owner's colour.
 * @param {HTMLElement} node @param {string | undefined} accent any CSS colour
 */
export function tint(node, accent) {
  const root = node.getRootNode();
  if (!accent || !CSS.supports("color", accent) || !(root instanceof ShadowRoot)) return;
  const made = tints.get(root) ?? new CSSStyleSheet();
  made.replaceSync(`:host{--accent:var(--chatbot-accent,${accent})}`);
  if (!tints.has(root)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, made];
  tints.set(root, made);
}
