/** The look of what is in this file of its own, see ../rules.js. */
export const RULES = `
.icon[aria-pressed=true]{color:var(--link)}
.icon[aria-pressed=true] svg{fill:currentColor}
code{font:.87em/1.5 ui-monospace,Menlo,Consolas,monospace;background:var(--fill);border-radius:4px;padding:1px 4px}
.host{color:var(--soft);font-size:12px}
li>p{margin-bottom:4px}
h1,h3,h4,h5,h6,.message-content h2{margin:16px 0 6px;font-size:16px;font-weight:650;line-height:1.35}
blockquote{padding-inline-start:12px;border-inline-start:3px solid var(--line);color:var(--soft)}
.code{border:1px solid var(--line);border-radius:10px;overflow:hidden}
.head{display:flex;justify-content:space-between;align-items:center;gap:8px;padding:2px 4px;padding-inline-start:12px;background:var(--fill);color:var(--soft);font-size:12px}
pre{margin:0;padding:10px 12px;overflow:auto;max-height:360px;white-space:pre}
pre code{padding:0;background:none}
table{display:block;overflow-x:auto;border-collapse:collapse;max-width:100%}
th,td{padding:4px 10px;border:1px solid var(--line);text-align:start}
th{background:var(--fill);font-weight:600}
td.center,th.center{text-align:center}td.right,th.right{text-align:right}td.left,th.left{text-align:left}
.task{list-style:none}
.cite{min-width:24px;height:24px;padding:0 5px;border:0;border-radius:8px;background:var(--fill);color:var(--link);font-size:12px;vertical-align:1px}
.dead{color:var(--soft)}
.code .button{min-height:26px;padding:0 8px;border:0;background:none}
.sources{margin-top:10px;font-size:.9em}
.sources h3{margin:0 0 4px;font-size:12px;font-weight:600;color:var(--soft)}
.sources ol{margin:0;padding:0;list-style:none}
.sources summary{cursor:pointer;padding:3px 0;overflow-wrap:anywhere}
.sources a{display:inline-block;padding:2px 0}
.sources blockquote{margin:4px 0;white-space:pre-wrap}
hr{border:0;border-top:1px solid var(--line);margin:14px 0}
.message-content h1{font-size:19px}.message-content h2{font-size:17px}
.message-content img{max-width:100%;height:auto}
.notice .id{font-size:12px;color:var(--soft);overflow-wrap:anywhere}
.actions{display:flex;flex-wrap:wrap;gap:2px;margin-top:4px;align-items:center;color:var(--soft);font-size:13px}
.user{position:relative}
.user .actions{position:absolute;inset-inline-end:100%;bottom:0;margin:0}
.menu{position:absolute;top:52px;inset-inline-end:12px;z-index:2;display:flex;flex-direction:column;gap:2px;max-width:calc(100% - 24px);padding:6px;border:1px solid var(--line);border-radius:12px;background:var(--back);box-shadow:0 8px 28px rgba(0,0,0,.2)}
.menu .button{border:0;padding:8px 12px;text-align:start}
.menu [aria-pressed=true]::after{content:"✓";margin-inline-start:10px}
.sure,.banner:not(:empty){margin:0 12px 8px}
.banner:not(:empty){padding:8px 12px;border-radius:10px;background:color-mix(in srgb,#fb0 16%,var(--back));font-size:14px}
.editing{display:flex;flex-basis:100%;justify-content:space-between;align-items:center;color:var(--soft);font-size:13px}
.why.why{gap:6px;margin:6px 0 0;padding:0;border:0;outline:0}
.why input{flex:1;min-width:0;padding:5px 10px;border:1px solid var(--line);border-radius:8px;background:var(--back);color:var(--ink);font:inherit;font-size:16px}
.earlier{align-self:center}
.to-end{position:relative;z-index:1;align-self:flex-end;margin:-44px 16px 8px;border:1px solid var(--line);border-radius:18px;background:var(--back);box-shadow:0 2px 10px rgba(0,0,0,.2)}
.launcher .badge{position:absolute;top:-2px;inset-inline-end:-2px;min-width:20px;height:20px;padding:0 5px;box-sizing:border-box;border-radius:10px;background:#b3261e;color:#fff;font:600 12px/20px sans-serif;text-align:center}
@media (forced-colors:active){.cite{border:1px solid}.icon[aria-pressed=true]{forced-color-adjust:none;background:Highlight;color:HighlightText}.badge{border:1px solid ButtonText}.menu,.to-end{position:relative;z-index:1;align-self:flex-end;margin:-44px 16px 8px;border:1px solid var(--line);border-radius:18px;background:var(--back);box-shadow:0 2px 10px rgba(0,0,0,.2)}}
@media print{.to-end,.actions,.banner{display:none}}
`;
