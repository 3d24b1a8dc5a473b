// Says once that a person is here. Programs that look at links open pages and run scripts too, and
// may scroll by script; what only a hand does counts, and no event that a script has made.
"use strict";

(() => {
  const address = document.currentScript.dataset.address;
  const gestures = {
    pointermove: "pointer", pointerdown: "pointer", touchstart: "touch", keydown: "key", wheel: "scroll",
  };
  const tell = (event) => {
    if (!event.isTrusted) return;
    for (const type of Object.keys(gestures)) removeEventListener(type, tell, { capture: true });
    const gesture = event.pointerType === "touch" ? "touch" : gestures[event.type];
    navigator.sendBeacon(address, new URLSearchParams({ gesture }));
  };
  for (const type of Object.keys(gestures)) {
    addEventListener(type, tell, { capture: true, passive: true });
  }
})();
