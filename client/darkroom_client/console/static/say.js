// One line at the bottom, which a screen reader hears, too.

const said = document.getElementById("said");
let timer;

export function say(text) {
  said.textContent = text;
  clearTimeout(timer);
  timer = setTimeout(() => (said.textContent = ""), 4000);
}
