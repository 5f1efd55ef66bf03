// Sends forms in the background, and shows an error beside the form. A photo may be dropped anywhere on the page.

async function send(form, button) {
  const alert = form.querySelector("[role=alert]");
  alert.hidden = true;
  button?.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { accept: "application/json" } });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.error);
    location.assign(told.location); // a reload would stay where the page was scrolled to
  } catch (error) {
    alert.textContent = error instanceof TypeError || error instanceof SyntaxError ? "The console does not answer. Try again: the request is paid once." : error.message;
    alert.hidden = false;
    button?.removeAttribute("aria-busy");
  }
}

function preview(form) {
  const place = form.querySelector("[data-previews]");
  const input = form.querySelector("input[type=file]");
  for (const each of place.querySelectorAll("img")) URL.revokeObjectURL(each.src);
  place.replaceChildren(...[...input.files].map((file) => {
    const figure = document.createElement("figure");
    const picture = document.createElement("img");
    picture.src = URL.createObjectURL(file);
    picture.alt = "";
    const name = document.createElement("figcaption");
    name.textContent = file.name;
    figure.append(picture, name);
    return figure;
  }));
}

function hasFiles(event) {
  return event.dataTransfer?.types.includes("Files");
}

function prepareDrop(form) {
  const input = form.querySelector("input[type=file]");
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dropping");
  });
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    document.body.classList.remove("dropping");
    const target = event.target.closest("[data-drop]");
    if (target && target !== form) return;
    input.files = event.dataTransfer.files;
    preview(form);
    form.querySelector("textarea").focus();
  });
}

export function prepareForms() {
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-send]")) return;
    event.preventDefault();
    if (event.submitter?.getAttribute("aria-busy") !== "true") send(event.target, event.submitter);
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-drop] input[type=file]")) preview(event.target.form);
  });
  // Enter sends, and Shift+Enter begins a new line, as in a chat.
  document.addEventListener("keydown", (event) => {
    const isSent = event.key === "Enter" && !event.shiftKey && !event.isComposing;
    if (isSent && event.target.matches("form[data-send] textarea")) {
      event.preventDefault();
      event.target.form.requestSubmit(event.target.form.querySelector("[type=submit]"));
    }
  });
  const composer = document.querySelector(".composer[data-drop]");
  if (composer) prepareDrop(composer);
}
