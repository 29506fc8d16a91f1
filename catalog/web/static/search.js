// The search box offers entries and divisions while one types (ARIA combobox); without it the form works as it is.
"use strict";

(() => {
  const field = document.getElementById("q");
  const form = field && field.form;
  if (!field || !form || !window.fetch) return;
  const list = document.createElement("ul");
  list.id = "suggestions";
  list.className = "suggestions";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", field.dataset.suggestions || "");
  list.hidden = true;
  field.insertAdjacentElement("afterend", list);
  field.setAttribute("role", "combobox");
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-controls", list.id);
  field.setAttribute("aria-expanded", "false");
  let timer = 0, asked = null, chosen = -1, composing = false;

  const options = () => Array.from(list.children);

  function close() {
    list.hidden = true;
    chosen = -1;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  }

  function choose(number) {
    const all = options();
    if (!all.length) return;
    chosen = (number + all.length) % all.length;
    all.forEach((option, place) => option.setAttribute("aria-selected", String(place === chosen)));
    all[chosen].scrollIntoView({ block: "nearest" });
    field.setAttribute("aria-activedescendant", all[chosen].id);
  }

  function follow(option) {
    const address = option.dataset.address, query = option.dataset.query;
    close();
    if (address) { location.assign(address); return; }
    field.value = query;
    form.requestSubmit();
  }

  function show(offers) {
    list.replaceChildren(...offers.map((offer, place) => {
      const option = document.createElement("li");
      option.id = `suggestion-${place}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      const label = document.createElement("span");
      offer.label.forEach(([text, marked]) => {
        const part = document.createElement(marked ? "mark" : "span");
        part.textContent = text;
        label.append(part);
      });
      const note = document.createElement("small");
      note.textContent = offer.note;
      option.append(label, note);
      if (offer.address) option.dataset.address = offer.address;
      if (offer.query) option.dataset.query = offer.query;
      return option;
    }));
    chosen = -1;
    field.removeAttribute("aria-activedescendant");
    list.hidden = !offers.length;
    field.setAttribute("aria-expanded", String(!list.hidden));
  }

  function ask() {
    if (asked) asked.abort();
    const words = field.value.trim();
    if (!words || document.activeElement !== field) { close(); return; }
    asked = new AbortController();
    fetch(`/api/v1/suggest?q=${encodeURIComponent(words)}`, { signal: asked.signal })
      .then((answer) => (answer.ok ? answer.json() : { data: [] }))
      .then((answer) => { if (field.value.trim() === words && document.activeElement === field) show(answer.data); })
      .catch(() => {});
  }

  field.addEventListener("compositionstart", () => { composing = true; });
  field.addEventListener("compositionend", () => { composing = false; });
  field.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 150); });
  field.addEventListener("keydown", (event) => {
    if (composing || event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) ask();
      else choose(event.key === "ArrowDown" ? chosen + 1 : chosen < 0 ? -1 : chosen - 1);
    } else if (event.key === "Enter" && chosen >= 0 && !list.hidden) {
      event.preventDefault();
      follow(options()[chosen]);
    } else if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      close();
    }
  });
  list.addEventListener("mousedown", (event) => {
    const option = event.target.closest("li");
    if (!option) return;
    event.preventDefault();
    follow(option);
  });
  field.addEventListener("blur", close);
  form.addEventListener("submit", () => { clearTimeout(timer); if (asked) asked.abort(); close(); });
})();
