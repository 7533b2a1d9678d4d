var h=`
.panel.inline{position:relative;inset:auto;width:100%;height:var(--chatbot-height,100%);min-height:280px;max-height:100vh;box-shadow:none;animation:none}
.inline header .icon:last-child{display:none}
:host([data-inline]){all:initial!important;display:block!important;width:100%!important;height:100%!important}
@media print{.inline,.inline *{max-height:none!important;height:auto!important;overflow:visible!important}.inline :is(form,button){display:none}}
`;function c({host:e,root:o,options:{container:t},leave:a},l){let r=new MutationObserver(d);function d(){let i=typeof t=="string"?document.querySelector(t):t;if(!i)return console.error("[ChatbotWidget] no element",t);e.parentNode!==i&&(i.append(e),l())}function n(){a(),e.toggleAttribute("data-inline",!0),o.adoptedStyleSheets=[...o.adoptedStyleSheets,s()],r.observe(document.documentElement,{childList:!0}),d()}return document.readyState==="loading"?document.addEventListener("DOMContentLoaded",n,{once:!0}):n(),()=>{document.removeEventListener("DOMContentLoaded",n),r.disconnect(),a()}}function s(){let e=new CSSStyleSheet;return e.replaceSync(h),e}export{c as settle};
