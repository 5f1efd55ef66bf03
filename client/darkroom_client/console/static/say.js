// Shows a line at the bottom of the page. Screen readers announce it.

const said = document.getElementById("said");
let timer;

export function say(text) {
  said.textContent = text;
  clearTimeout(timer);
  timer = setTimeout(() => (said.textContent = ""), 4000);
}
