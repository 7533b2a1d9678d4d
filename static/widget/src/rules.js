/**
 * The open chat's look. The build makes it smaller, so that it can be read here. Sizes are px: rem is the page's.
 *
 * A page sets `--chatbot-…`, on the element or anywhere around it. What it leaves out follows from the two colours of text and
 * background, so a theme of two lines is whole; where a browser has no color-mix() lines and muted texts take the text's colour.
 */
/** @param {string} name @param {number} share of the text's colour, in percent */
const between = (name, share) => `var(--chatbot-${name},color-mix(in srgb,var(--ink) ${share}%,var(--back)))`;
/** @param {string[]} colours */
const theme = ([back, ink, link]) => `--back:var(--chatbot-background,${back});--ink:var(--chatbot-text,${ink});--link:var(--chatbot-link,${link})}`;
const DARK = "color-scheme:dark;" + theme(["#16191d", "#e8ebef", "#8ab8ff"]);

export const RULES = `
.panel{all:initial;position:fixed;box-sizing:border-box;bottom:calc(var(--y) + 68px);right:var(--x);width:min(var(--chatbot-width,400px),100% - 2*var(--x));
height:min(var(--chatbot-height,640px),100% - 88px - var(--y));display:flex;flex-direction:column;overflow:hidden;border-radius:var(--round);
border:1px solid var(--line);background:var(--back);color:var(--ink);font:var(--chatbot-font-size,15px)/1.55 var(--chatbot-font,system-ui,sans-serif);
box-shadow:0 12px 40px rgba(0,0,0,.22);text-align:start;animation:rise .16s ease-out;
--round:var(--chatbot-radius,16px);--soft:${between("muted", 72)};--line:${between("border", 16)};--edge:${between("border", 52)};--fill:${between("surface", 6)};
color-scheme:light;${theme(["#fff", "#1b1f24", "#0b57c9"])}
.panel.left{right:auto;left:var(--x)}
.panel[hidden],.panel [hidden]{display:none!important}
@media (prefers-color-scheme:dark){.panel.auto{${DARK}}
.panel.dark{${DARK}
.panel *{box-sizing:border-box}
.panel :focus-visible{outline:2px solid var(--link);outline-offset:2px}
.transcript:focus-visible{outline-offset:-2px}
header{display:flex;align-items:center;gap:8px;padding:9px;padding-inline-start:18px;border-bottom:1px solid var(--line)}
h2{flex:1;margin:0;font-size:16px;font-weight:600;overflow-wrap:anywhere}
button{font:inherit;color:inherit;cursor:pointer}
.icon{display:grid;place-items:center;width:36px;height:36px;padding:0;border:0;border-radius:10px;background:none;color:var(--soft)}
.icon:hover{background:var(--fill);color:var(--ink)}
.icon svg{width:20px;height:20px;fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.transcript{position:relative;flex:1;overflow-y:auto;overflow-anchor:none;overscroll-behavior:contain;padding:18px}
.transcript,.group{display:flex;flex-direction:column;gap:16px}
.end{order:1;margin-top:-16px}
.message{max-width:100%;overflow-wrap:anywhere}
.message.user{align-self:flex-end;max-width:85%;padding:8px 14px;border-radius:var(--round);border-end-end-radius:4px;background:color-mix(in srgb,var(--accent) 14%,var(--fill))}
.user .message-content{white-space:pre-wrap}
.message-content>:first-child{margin-top:0}
.message-content>:last-child{margin-bottom:0}
.message-content[aria-busy=true]:empty::after{content:"";display:block;width:36px;height:10px;margin:8px 0;border-radius:5px;
background:radial-gradient(circle,var(--soft) 4px,transparent 5px) 0/12px 10px;animation:wait 1.2s infinite}
@keyframes wait{50%{opacity:.25}}
@keyframes rise{0%{opacity:0;transform:translateY(8px)}}
@media (prefers-reduced-motion:reduce){*,::after{animation:none!important}}
p,ul,ol,blockquote,table,.code{margin:0 0 10px}
ul,ol{padding-inline:22px}
li>p,blockquote>p{unicode-bidi:plaintext}
a{color:var(--link)}
.button,.image{padding:5px 12px;border:1px solid var(--line);border-radius:10px;background:var(--back);min-height:32px;text-align:start}
.button:hover,.image:hover{background:var(--fill)}
.notice{margin-top:10px;padding:10px 12px;border-radius:12px;background:color-mix(in srgb,#fb0 16%,var(--back));font-size:14px}
.notice p{margin:0 0 6px}
.notice .row{display:flex;flex-wrap:wrap;gap:8px;align-items:center}
.suggestions{display:flex;flex-wrap:wrap;gap:8px}
.suggestions .button{border-radius:18px;border-color:color-mix(in srgb,var(--accent) 40%,var(--line))}
form{display:flex;flex-wrap:wrap;align-items:flex-end;gap:4px;margin:4px 12px 8px;padding:4px;border:1px solid var(--edge);border-radius:var(--round)}
form:focus-within{outline:2px solid var(--link);outline-offset:-1px}
textarea{flex:1;min-width:0;max-height:140px;padding:7px 10px;border:0;background:none;color:var(--ink);font:inherit;font-size:max(16px,1em);line-height:1.4;resize:none;field-sizing:content}
.panel textarea:focus-visible{outline:0}
::placeholder{color:var(--soft);opacity:1}
form .icon.icon{border-radius:calc(var(--round) + 2px);background:var(--accent);color:var(--chatbot-on-accent,var(--on))}
button:disabled,textarea:disabled{opacity:.5}
[dir=rtl] form svg{transform:scaleX(-1)}
.over{flex-basis:100%;padding:0 10px;color:color-mix(in srgb,var(--ink),#e00 45%);font-size:13px}
.note{min-height:calc(1lh + 10px);padding:0 18px 10px;color:var(--soft);font-size:12px;text-align:center}
.sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
@media (forced-colors:active){.message.user,.notice,.icon{border:1px solid}}
`;
