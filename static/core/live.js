// Reads what moves anew every few seconds, for as long as it moves and somebody looks.
"use strict";

(() => {
  const refresh = async (id) => {
    const shown = document.getElementById(id);
    if (!shown || !Number(shown.dataset.live)) return;
    if (document.visibilityState === "visible") {
      try {
        const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.getElementById(id);
        // What has come to its end may have buttons elsewhere on the page.
        if (answer.ok && fresh && !Number(fresh.dataset.live)) return location.reload();
        if (answer.ok && fresh) shown.replaceWith(document.adoptNode(fresh));
      } catch {
        // The next look may find the server again.
      }
    }
    setTimeout(refresh, Number(shown.dataset.live), id);
  };
  const start = () => {
    for (const shown of document.querySelectorAll("[data-live]")) {
      if (Number(shown.dataset.live)) setTimeout(refresh, Number(shown.dataset.live), shown.id);
    }
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
