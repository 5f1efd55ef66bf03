// Shows a picture as large as the window, with zoom, or two pictures side by side or under a slider.

const zoomed = { by: 1, x: 0, y: 0 };

function move(picture) {
  picture.style.transform = `translate(${zoomed.x}px, ${zoomed.y}px) scale(${zoomed.by})`;
}

function zoomBy(picture, factor) {
  zoomed.by = factor ? Math.min(16, Math.max(1, zoomed.by * factor)) : 1;
  if (zoomed.by === 1) zoomed.x = zoomed.y = 0;
  move(picture);
}

function prepareZoom(dialog) {
  const stage = dialog.querySelector(".stage");
  const picture = stage.querySelector("img");
  const steps = [...dialog.querySelectorAll("[data-step]")];
  let shown;
  const neighbour = (step) => {
    const all = [...document.querySelectorAll("[data-zoom]")];
    return all[all.findIndex((each) => each.dataset.zoom === shown) + step];
  };
  const show = (opener) => {
    shown = opener.dataset.zoom;
    picture.src = opener.querySelector("img").currentSrc;
    picture.src = shown;
    picture.alt = opener.dataset.name;
    dialog.querySelector(".name").textContent = opener.dataset.name;
    zoomBy(picture, 0);
    for (const each of steps) each.setAttribute("aria-disabled", String(!neighbour(Number(each.dataset.step))));
  };
  const go = (step) => {
    const next = neighbour(step);
    if (next) show(next);
  };
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-zoom]");
    if (!opener) return;
    show(opener);
    dialog.showModal();
    stage.focus();
  });
  for (const each of steps) each.addEventListener("click", () => go(Number(each.dataset.step)));
  for (const each of dialog.querySelectorAll("[data-zoom-by]")) {
    each.addEventListener("click", () => zoomBy(picture, Number(each.dataset.zoomBy)));
  }
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoomBy(picture, event.deltaY < 0 ? 1.15 : 1 / 1.15);
  }, { passive: false });
  stage.addEventListener("dblclick", () => zoomBy(picture, zoomed.by > 1 ? 0 : 3));
  stage.addEventListener("pointermove", (event) => {
    if (!event.buttons || zoomed.by === 1) return;
    zoomed.x += event.movementX;
    zoomed.y += event.movementY;
    move(picture);
  });
  stage.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
    if (step && zoomed.by > 1) {
      zoomed.x += step[0];
      zoomed.y += step[1];
      move(picture);
    } else if (event.key === "ArrowLeft" || event.key === "ArrowRight") go(event.key === "ArrowLeft" ? -1 : 1);
    else if (event.key === "+" || event.key === "=") zoomBy(picture, 1.25);
    else if (event.key === "-") zoomBy(picture, 0.8);
    else if (event.key === "0") zoomBy(picture, 0);
    else return;
    event.preventDefault();
  });
}

function prepareCompare(dialog) {
  const pair = dialog.querySelector(".pair");
  const slider = dialog.querySelector("input[type=range]");
  const mode = dialog.querySelector("[data-mode]");
  const picks = [...dialog.querySelectorAll("[data-pick]")];
  const show = () => {
    for (const pick of picks) {
      const picture = pair.querySelector(`[data-side=${pick.dataset.pick}]`);
      picture.src = pick.value;
      picture.alt = pick.selectedOptions[0].textContent;
    }
  };
  const slide = (value) => {
    slider.value = value;
    pair.style.setProperty("--at", `${slider.value}%`);
  };
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("button[data-compare]");
    if (!opener) return;
    const [left, right] = picks;
    const addresses = [...right.options].map((each) => each.value);
    const chosen = addresses.indexOf(opener.dataset.compare);
    right.selectedIndex = chosen > 0 ? chosen : chosen === 0 ? 1 : addresses.length - 1;
    left.selectedIndex = chosen === 0 ? 0 : right.selectedIndex - 1;
    slide(50);
    show();
    dialog.showModal();
    slider.focus();
  });
  picks.forEach((each) => each.addEventListener("change", show));
  slider.addEventListener("input", () => slide(slider.value));
  const follow = (event) => {
    const place = pair.getBoundingClientRect();
    if (event.buttons && pair.classList.contains("slider")) slide((100 * (event.clientX - place.left)) / place.width);
  };
  pair.addEventListener("pointerdown", follow);
  pair.addEventListener("pointermove", follow);
  mode.addEventListener("click", () => {
    const isBeside = pair.classList.toggle("beside");
    pair.classList.toggle("slider", !isBeside);
    mode.setAttribute("aria-pressed", String(isBeside));
  });
}

export function prepareViewer() {
  const zoom = document.getElementById("zoom");
  const compare = document.getElementById("compare");
  if (!zoom || !compare) return;
  prepareZoom(zoom);
  prepareCompare(compare);
  for (const dialog of [zoom, compare]) {
    dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => dialog.querySelectorAll("img").forEach((each) => each.removeAttribute("src")));
  }
}
