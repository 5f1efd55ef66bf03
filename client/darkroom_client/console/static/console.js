// Enhances the pages. They work without it: the forms are forms, and the links are links.

import { keepLive, onPatched } from "./live.js";
import { prepareForms } from "./forms.js";
import { prepareViewer } from "./viewer.js";
import { keepTime } from "./times.js";
import { say } from "./say.js";

const wall = document.getElementById("wall");

document.addEventListener("click", async (event) => {
  const copy = event.target.closest("[data-copy]");
  if (!copy) return;
  try {
    await navigator.clipboard.writeText(copy.dataset.copy);
    say("Copied");
  } catch {
    say(copy.dataset.copy);
  }
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
});

// Leaves the place of a picture empty if it cannot be shown.
document.addEventListener("error", (event) => {
  if (event.target instanceof HTMLImageElement) event.target.classList.add("broken");
}, true);

// `/` goes to the search. The arrow keys walk along the wall.
document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input, textarea, select, dialog");
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping) return;
  const search = document.querySelector("input[type=search]");
  if (event.key === "/" && search) {
    event.preventDefault();
    search.focus();
  }
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const links = wall ? [...wall.querySelectorAll(".card > a")] : [];
  const here = links.indexOf(document.activeElement);
  if (step && here >= 0) links[here + step]?.focus();
});

function prepareMore(more) {
  const look = new IntersectionObserver(async (entries) => {
    if (!entries.some((each) => each.isIntersecting)) return;
    look.disconnect();
    const answer = await fetch(more.href);
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const known = new Set([...wall.children].map((each) => each.dataset.key));
    wall.append(...[...page.querySelectorAll("#wall > li")].filter((each) => !known.has(each.dataset.key)));
    const next = page.querySelector("[data-more]");
    if (!next) return more.parentElement.remove();
    more.href = next.href;
    look.observe(more);
  }, { rootMargin: "1200px" });
  look.observe(more);
}

// Opens a conversation at its end.
function goToTheEnd() {
  const turns = document.querySelectorAll("#turns > li, #waiting > li");
  if (!location.hash && turns.length > 1) turns[turns.length - 1].scrollIntoView({ behavior: "instant" });
}

const more = document.querySelector("[data-more]");
if (more && wall) prepareMore(more);
prepareForms();
prepareViewer();
goToTheEnd();
keepTime();
onPatched(keepTime);
keepLive();
