// An appointment is entered by the client's clock; the adviser reads what it is by his own.

const entered = document.querySelector("[data-zone]");
const here = document.querySelector("[data-here]");

// As the rest of the page writes days.
const language = { en: "en-GB" }[document.documentElement.lang] ?? document.documentElement.lang;

// What the clocks of a zone show at an instant, as if they were UTC's.
function shown(instant, timeZone) {
  const parts = new Intl.DateTimeFormat("en", {
    timeZone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric",
  }).formatToParts(instant);
  const part = (type) => Number(parts.find((each) => each.type === type).value);
  return Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"));
}

function instantOf(written, timeZone) {
  const wanted = Date.parse(`${written}Z`);
  let instant = wanted;
  for (let i = 0; i < 2; i += 1) instant += wanted - shown(instant, timeZone); // twice: clocks change
  return instant;
}

function show() {
  here.hidden = !entered.value;
  if (here.hidden) return;
  const instant = instantOf(entered.value, entered.dataset.zone);
  const words = new Date(instant).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
  here.textContent = `${here.dataset.here} ${words} (${Intl.DateTimeFormat().resolvedOptions().timeZone})`;
}

if (entered) {
  entered.addEventListener("input", show);
  show(); // what was entered before this ran
}
