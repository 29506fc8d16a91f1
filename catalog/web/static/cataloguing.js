// The grid of items: arrows and Enter move between cells, a paste from a spreadsheet fills them. Saving works without it.
"use strict";

const grid = document.getElementById("grid");
const draft = document.getElementById("draft");

document.addEventListener("keydown", (event) => {
  if (draft && (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
    event.preventDefault();
    draft.requestSubmit(draft.querySelector("button[name=go]"));
  }
});

function cells(row) {
  return Array.from(row.querySelectorAll("input:not([type=hidden]), select"));
}

// A further row below the last one, empty, with the next number in its names.
function addRow() {
  const body = grid.tBodies[0];
  const last = body.rows[body.rows.length - 1];
  const fresh = last.cloneNode(true);
  const number = body.rows.length;
  fresh.cells[0].firstChild.textContent = String(number + 1);
  fresh.querySelectorAll("input, select").forEach((field) => {
    field.name = field.name.replace(/^items-\d+-/, `items-${number}-`);
    if (field.id) field.id = field.name;
    if (field.type === "checkbox") field.checked = false; else field.value = "";
    const label = field.getAttribute("aria-label");
    if (label) field.setAttribute("aria-label", label.replace(/\d+$/, String(number + 1)));
    field.removeAttribute("aria-invalid");
  });
  body.append(fresh);
  return fresh;
}

// What a spreadsheet shows for a choice is its code, its label, or both.
function put(field, text) {
  if (field.type === "checkbox") {
    field.checked = /^(是|y|yes|true|1|√)$/i.test(text);
  } else if (field.tagName === "SELECT") {
    const meant = Array.from(field.options).find((option) =>
      option.value === text || option.text === text || option.text.endsWith(" " + text) || (text && option.value === text.split(" ")[0]));
    if (meant) field.value = meant.value;
  } else {
    field.value = text;
  }
}

if (grid) {
  grid.addEventListener("keydown", (event) => {
    const field = event.target;
    const step = { ArrowDown: 1, ArrowUp: -1, Enter: 1 }[event.key];
    if (!step || event.altKey || (field.tagName === "SELECT" && event.key !== "Enter")) return;
    event.preventDefault();
    const row = field.closest("tr");
    const column = cells(row).indexOf(field);
    let next = step > 0 ? row.nextElementSibling : row.previousElementSibling;
    if (!next && step > 0) next = addRow();
    if (next) cells(next)[column].focus();
  });
  grid.addEventListener("paste", (event) => {
    const text = event.clipboardData.getData("text/plain").replace(/\r\n?/g, "\n").replace(/\n$/, "");
    if (!text.includes("\t") && !text.includes("\n")) return;
    event.preventDefault();
    let row = event.target.closest("tr");
    const first = cells(row).indexOf(event.target);
    text.split("\n").forEach((line, number) => {
      if (number) row = row.nextElementSibling || addRow();
      const fields = cells(row);
      line.split("\t").forEach((part, position) => {
        const field = fields[first + position];
        if (field) put(field, part.trim());
      });
    });
  });
}
