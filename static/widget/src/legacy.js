/**
 * The same address for browsers that can't read `import()` (Internet Explorer 11 and its time): a link to the plain
 * page, which needs no script. ES5, and nothing that they lack.
 */
(function () {
  var tags = document.getElementsByTagName("script");
  var page = /** @type {any} */ (window);
  var config = (page.chatbotConfig = page.chatbotConfig || {});

  function ownTag() {
    for (var i = tags.length - 1; i >= 0; i--) {
      if (tags[i].src.indexOf("chatbot-widget") > -1) return tags[i];
    }
    return null;
  }

  /** @param {HTMLScriptElement} tag */
  function show(tag) {
    var found = /^(.*)\/static\/widget\/js\//.exec(tag.src);
    var asked = /[?&]key=([^&#]*)/.exec(tag.src);
    var host = tag.getAttribute("data-host") || (found && found[1]);
    var key = tag.getAttribute("data-key") || (asked && asked[1]) || config.key;
    var link = document.createElement("a");
    if (!host || !key || config.linked) return;
    config.linked = true;
    link.href = host + "/chat/" + key;
    link.target = "_blank";
    link.appendChild(document.createTextNode("Chat"));
    link.style.cssText =
      "position:fixed;right:20px;bottom:20px;z-index:999999;padding:14px 20px;background:#1750c4;color:#fff;" +
      "font:16px sans-serif;text-decoration:none";
    document.body.appendChild(link);
  }

  function main() {
    var tag = ownTag();
    if (tag) show(tag);
  }

  if (document.body) main();
  else window.addEventListener("load", main);
})();
