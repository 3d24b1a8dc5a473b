// The form of a wording: while an SMS is typed, how many parts its longest one would take.

const form = document.querySelector("#templateversion_form");
const body = form?.querySelector("[name=body]");
const measured = form?.querySelector("[data-measure]");

if (body && measured) {
  const field = (name) => form.querySelector(`[name=${name}]`)?.value ?? "";
  body.after(measured); // beside what is being typed
  const [count, text] = measured.children;
  let timer = 0;
  let asked = 0;

  async function measure() {
    if (field("channel") !== "sms" || !body.value.trim()) {
      measured.hidden = true;
      return;
    }
    const mine = ++asked;
    const told = new FormData();
    for (const name of ["template", "language", "body", "csrfmiddlewaretoken"]) told.append(name, field(name));
    const answer = await fetch(measured.dataset.measure, { method: "POST", body: told });
    if (!answer.ok || mine !== asked) return; // a later one is on its way
    const { said, text: longest = "", is_bad: isBad = false } = await answer.json();
    measured.hidden = false;
    measured.classList.toggle("is-bad", isBad);
    count.textContent = said;
    text.textContent = longest;
  }

  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(measure, 400);
  };
  for (const event of ["input", "change"]) form.addEventListener(event, soon);
  measure();
}
