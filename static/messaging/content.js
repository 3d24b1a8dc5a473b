// The form of a wording: while an SMS is typed, how many parts its longest one would take.

const form = document.querySelector("#templateversion_form");
const channel = form?.querySelector("select[name=channel]");

// What a channel does not know is not asked for; what is filled in stays to be seen.
const ASKED = { mjml: ["email"], display: ["in_app"], shows_money: ["push"] };

if (channel) {
  const show = () => {
    for (const [name, channels] of Object.entries(ASKED)) {
      const input = form.querySelector(`[name=${name}]`);
      const row = input?.closest(".field-line");
      const filled = input?.type === "checkbox" ? input.checked : input?.value.trim();
      if (row) row.hidden = !filled && !channels.includes(channel.value);
    }
  };
  channel.addEventListener("change", show);
  show();
}

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
