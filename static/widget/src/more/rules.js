/** The look of what is in this file of its own, see ../rules.js. */
export const RULES = `
.actions{display:flex;flex-wrap:wrap;gap:2px;margin-top:4px;align-items:center;color:var(--soft);font-size:13px}
.user .actions{justify-content:flex-end;margin:2px -8px -4px 0}
.menu{position:absolute;top:52px;inset-inline-end:12px;z-index:2;display:flex;flex-direction:column;gap:2px;max-width:calc(100% - 24px);padding:6px;border:1px solid var(--line);border-radius:12px;background:var(--back);box-shadow:0 8px 28px rgba(0,0,0,.2)}
.menu .button{border:0;padding:8px 12px;text-align:start}
.menu [aria-pressed=true]::after{content:"✓";margin-inline-start:10px}
.sure,.banner:not(:empty){margin:0 12px 8px}
.banner:not(:empty){padding:8px 12px;border-radius:10px;background:color-mix(in srgb,#fb0 16%,var(--back));font-size:14px}
.editing{display:flex;flex-basis:100%;justify-content:space-between;align-items:center;color:var(--soft);font-size:13px}
.why{display:flex;gap:6px;margin-top:6px}
.why input{flex:1;min-width:0;padding:5px 10px;border:1px solid var(--line);border-radius:8px;background:var(--back);color:var(--ink);font:inherit;font-size:16px}
.earlier{align-self:center}
.to-end{position:absolute;z-index:1;inset-inline-end:20px;bottom:var(--to-end,120px);border:1px solid var(--line);border-radius:18px;background:var(--back);box-shadow:0 2px 10px rgba(0,0,0,.2)}
.launcher .badge{position:absolute;top:-2px;inset-inline-end:-2px;min-width:20px;height:20px;padding:0 5px;box-sizing:border-box;border-radius:10px;background:#b3261e;color:#fff;font:600 12px/20px sans-serif;text-align:center}
@media (forced-colors:active){.badge{border:1px solid ButtonText}.menu,.to-end{border:1px solid CanvasText}}
@media print{.to-end,.actions,.banner{display:none}}
`;
