// Checkboxes whose order counts: it is that in which they stand, and so in which they are posted.

for (const box of document.querySelectorAll("input[data-earlier]")) {
  const row = box.closest("label").parentElement;
  const earlier = document.createElement("button");
  earlier.type = "button";
  earlier.title = box.dataset.earlier;
  earlier.setAttribute("aria-label", box.dataset.earlier);
  earlier.textContent = "↑";
  earlier.addEventListener("click", () => {
    row.previousElementSibling?.before(row);
    earlier.focus();
  });
  row.classList.add("in-order");
  row.append(earlier);
}
