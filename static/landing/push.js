// Offers news on this device where the browser can show them; without it nothing is missing.
"use strict";

(() => {
  const section = document.getElementById("push");
  const button = section?.querySelector("button[data-key]");
  if (!button || !("serviceWorker" in navigator) || !("PushManager" in window)) return;

  const status = section.querySelector("[role=status]");
  const say = (text) => {
    status.hidden = !text;
    status.textContent = text || "";
  };
  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (each) => each.charCodeAt(0));
  const digest = async (text) => {
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    return Array.from(new Uint8Array(hash), (each) => each.toString(16).padStart(2, "0")).join("");
  };
  const known = new Set((section.dataset.devices || "").split(" "));

  const subscribe = async () => {
    const permission = await Notification.requestPermission();
    if (permission !== "granted") return say(button.dataset.denied);
    const registration = await navigator.serviceWorker.register(button.dataset.worker);
    const subscription = await registration.pushManager.subscribe({
      userVisibleOnly: true,
      applicationServerKey: bytes(button.dataset.key),
    });
    const answer = await fetch(button.dataset.url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(subscription),
    });
    if (answer.ok) return location.reload();
    const told = answer.status === 422 ? (await answer.json()).reason : button.dataset.failed;
    return say(told);
  };

  const start = async () => {
    const registration = await navigator.serviceWorker.getRegistration(button.dataset.scope);
    const subscription = await registration?.pushManager.getSubscription();
    // This browser is among the devices already: there is nothing to offer.
    button.hidden = Boolean(subscription) && known.has(`web:${await digest(subscription.endpoint)}`);
    section.hidden = button.hidden && !section.querySelector("li");
  };

  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await subscribe();
    } catch {
      say(button.dataset.failed);
    } finally {
      button.disabled = false;
    }
  });
  section.hidden = false;
  start();
})();
