// Small comforts; every page works without them.
"use strict";

document.addEventListener("keydown", (event) => {
  const field = document.getElementById("q");
  const typing = event.target instanceof HTMLElement && event.target.matches("input, textarea, select, [contenteditable]");
  if (event.key === "/" && field && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    field.focus();
    field.select();
  }
});

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("button.copy") : null;
  if (!button || !navigator.clipboard) return;
  const label = button.textContent;
  navigator.clipboard.writeText(button.closest("figure").querySelector("code").textContent).then(() => {
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = label; }, 1500);
  });
});

// A link to a folded part opens it.
function unfold() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) target.open = true;
}
window.addEventListener("hashchange", unfold);
unfold();

// Paper cannot be unfolded.
const folded = [];
window.addEventListener("beforeprint", () => {
  document.querySelectorAll("details:not([open]):not(.unprinted)").forEach((part) => { folded.push(part); part.open = true; });
});
window.addEventListener("afterprint", () => { folded.splice(0).forEach((part) => { part.open = false; }); });

// The contents bar marks the part that is being read.
const links = new Map(Array.from(document.querySelectorAll(".contents a"), (link) => [link.hash.slice(1), link]));
if (links.size && "IntersectionObserver" in window) {
  const watch = new IntersectionObserver((entries) => {
    const seen = entries.find((entry) => entry.isIntersecting);
    if (!seen) return;
    links.forEach((link) => link.removeAttribute("aria-current"));
    links.get(seen.target.id).setAttribute("aria-current", "true");
  }, { rootMargin: "-110px 0px -70% 0px" });
  links.forEach((_, id) => { const part = document.getElementById(id); if (part) watch.observe(part); });
}
