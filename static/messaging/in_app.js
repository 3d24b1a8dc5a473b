// Shows a client his notices on the issuer's own pages: one at a time, what he must acknowledge first.
// <script src=".../in_app.js" data-url="https://.../in-app/site" data-token="/tidings-token" defer></script>
// `data-token` is an address of the issuer's own, which answers {"token": "…"} for who is signed in.
"use strict";

(() => {
  const own = document.currentScript;
  const address = new URL(own.dataset.url, document.baseURI).href.replace(/\/$/, "");
  const styles = new URL("in_app.css", own.src).href;
  const EVERY = 5 * 60_000; // milliseconds between two looks, and at most one a minute
  const RARELY = 60_000;
  const GESTURES = ["pointermove", "pointerdown", "touchstart", "keydown", "wheel"];
  const done = new Set(); // what he closed on this page, whatever became of the call that said so
  let token = null;
  let looked = 0;
  let busy = false;

  const renew = async () => {
    const answer = await fetch(own.dataset.token, { credentials: "same-origin", cache: "no-store" });
    token = answer.ok ? (await answer.json()).token : null;
    return Boolean(token);
  };

  // Ask once more with a new token where the old one has run out.
  const call = async (path, options = {}, again = true) => {
    if (!token && !(await renew())) return null;
    const answer = await fetch(`${address}/${path}`, {
      ...options,
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      credentials: "omit",
      cache: "no-store",
      referrerPolicy: "no-referrer",
    });
    if (answer.status !== 401) return answer;
    token = null;
    return again ? call(path, options, false) : null;
  };

  const tell = async (notice, deed, body) => {
    try {
      const answer = await call(`notices/${notice.key}/${deed}`, { method: "POST", body, keepalive: true });
      return Boolean(answer?.ok);
    } catch {
      return false;
    }
  };
  const digest = (notice) => JSON.stringify({ digest: notice.digest });

  const make = (name, part, text) => {
    const made = document.createElement(name);
    made.className = part;
    if (text) {
      made.textContent = text;
      made.dir = "auto";
    }
    return made;
  };

  const draw = (notice, finish) => {
    const blocking = notice.display === "blocking";
    const banner = notice.display === "banner";
    const frame = make(banner ? "section" : "dialog", `notice ${notice.display}`);
    const title = make("h2", "title", notice.title);
    const text = make("p", "text", notice.text);
    const actions = make("div", "actions");
    const failure = make("p", "failure");
    title.id = "title";
    text.id = "text";
    failure.setAttribute("role", "alert");
    failure.hidden = true;
    frame.lang = notice.language;
    frame.setAttribute("role", banner ? "region" : blocking ? "alertdialog" : "dialog");
    frame.setAttribute("aria-labelledby", "title");
    if (!banner) {
      frame.setAttribute("aria-modal", "true");
      frame.setAttribute("aria-describedby", "text");
      title.tabIndex = -1; // read from its beginning; a banner leaves the focus where it is
      title.autofocus = true;
    }

    const button = make("button", blocking ? "main" : "quiet");
    button.type = "button";
    button.textContent = blocking ? notice.labels.acknowledge : notice.labels.close;
    const close = (deed) => {
      tell(notice, deed, digest(notice));
      finish();
    };
    const acknowledge = async () => {
      button.disabled = true;
      failure.hidden = true;
      if (await tell(notice, "acknowledged", digest(notice))) return finish();
      button.disabled = false;
      failure.textContent = notice.labels.failed;
      failure.hidden = false;
      return button.focus();
    };
    button.addEventListener("click", (event) => {
      if (event.isTrusted) blocking ? acknowledge() : close("dismissed"); // no script's doing counts
    });
    if (notice.link) {
      const link = make("a", blocking ? "quiet" : "main");
      link.textContent = notice.labels.open;
      link.href = notice.link;
      link.target = "_blank";
      link.rel = "noopener noreferrer";
      link.addEventListener("click", (event) => {
        if (event.isTrusted && !blocking) close("followed");
      });
      actions.append(link);
    }
    actions[blocking ? "prepend" : "append"](button);
    frame.append(title, text, failure, actions);

    if (!banner) {
      // Escape closes a pop-up; nothing but its button ends a blocking notice.
      frame.addEventListener("keydown", (event) => {
        if (event.key === "Escape" && blocking) event.preventDefault();
      });
      frame.addEventListener("cancel", (event) => {
        event.preventDefault();
        if (!blocking) close("dismissed");
      });
      frame.addEventListener("close", () => {
        if (frame.isConnected) frame.showModal();
      });
    }
    return frame;
  };

  // Delivered is what was on a page that somebody has before him; seen, what a person has moved on.
  const watch = (notice, frame) => {
    const shown = () => {
      if (document.visibilityState !== "visible") return;
      document.removeEventListener("visibilitychange", shown);
      tell(notice, "shown");
    };
    const seen = (event) => {
      if (!event.isTrusted) return;
      for (const type of GESTURES) frame.removeEventListener(type, seen, { capture: true });
      tell(notice, "seen");
    };
    for (const type of GESTURES) frame.addEventListener(type, seen, { capture: true, passive: true });
    document.addEventListener("visibilitychange", shown);
    shown();
  };

  const show = (notice) =>
    new Promise((resolve) => {
      const host = document.createElement("tidings-notice");
      const shadow = host.attachShadow({ mode: "open" }); // our looks and the page's stay apart
      const sheet = document.createElement("link");
      sheet.rel = "stylesheet";
      sheet.href = styles;
      const before = document.activeElement;
      const frame = draw(notice, () => {
        done.add(notice.key);
        host.remove();
        before?.focus?.({ preventScroll: true });
        resolve();
      });
      const open = () => {
        shadow.append(frame);
        if (notice.display !== "banner") {
          frame.showModal();
          const text = frame.querySelector(".text"); // a long one is scrolled by keys too
          if (text.scrollHeight > text.clientHeight) text.tabIndex = 0;
        }
        watch(notice, frame);
      };
      sheet.addEventListener("load", open, { once: true });
      sheet.addEventListener("error", open, { once: true });
      shadow.append(sheet);
      document.body.append(host);
    });

  // One that is not known to be here yet is made known, once for as long as the browser is open.
  const present = async () => {
    const mark = `tidings:${address}`;
    try {
      if (sessionStorage.getItem(mark)) return;
      if ((await call("here", { method: "POST" }))?.ok) sessionStorage.setItem(mark, "1");
    } catch {
      // A page without storage says it each time: that changes nothing either.
    }
  };

  const look = async () => {
    if (busy || document.visibilityState !== "visible" || Date.now() - looked < RARELY) return;
    busy = true;
    looked = Date.now();
    try {
      await present();
      const answer = await call("notices");
      const notices = answer?.ok ? (await answer.json()).notices : [];
      for (const notice of notices) if (!done.has(notice.key)) await show(notice);
    } catch {
      // Without an answer the page is as it would be without us.
    } finally {
      busy = false;
    }
  };

  document.addEventListener("visibilitychange", look);
  setInterval(look, EVERY);
  look();
})();
