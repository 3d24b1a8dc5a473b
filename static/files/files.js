// Pages of files brought in: the drop zone shows that it is aimed at, and progress tells itself.

for (const input of document.querySelectorAll(".files-drop input")) {
  input.hasChangeListener = true; // the theme's own would look for a text field beside it
  const over = (on) => () => input.classList.toggle("is-over", on);
  input.addEventListener("dragenter", over(true));
  for (const name of ["dragleave", "drop", "change"]) input.addEventListener(name, over(false));
}

const progress = document.querySelector("[data-progress]");

function put(name, text) {
  const place = progress.querySelector(`[data-shows="${name}"]`);
  // A reader of the screen speaks a live place each time it is written, changed or not.
  if (place && place.textContent !== text) place.textContent = text;
}

function show(told) {
  const bar = progress.querySelector("progress");
  if (told.total) {
    bar.max = told.total;
    bar.value = told.done;
  } else {
    bar.removeAttribute("value");
  }
  for (const [name, text] of Object.entries(told.texts)) put(name, text);
}

async function follow(wait) {
  let next = 1000;
  try {
    const answer = await fetch(progress.dataset.progress, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(answer.status);
    const told = await answer.json();
    if (told.state !== progress.dataset.state) {
      location.reload();
      return;
    }
    show(told);
  } catch {
    put("spoken", progress.dataset.lost);
    next = Math.min(wait * 2, 30000);
  }
  setTimeout(follow, next, next);
}

if (progress) setTimeout(follow, 500, 1000);
