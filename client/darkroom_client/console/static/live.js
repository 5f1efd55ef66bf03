// Keeps the page up to date. When the server reports a change, this loads the page again and replaces the parts that
// differ. A part in which a person is typing stays.

const main = document.getElementById("main");
const state = document.getElementById("live-state");
const prints = new WeakMap();
const listeners = [];
let source;
let digest;
let isLoading = false;
let isStale = false;

export function onPatched(listener) {
  listeners.push(listener);
}

// An element as the server rendered it, without the parts that differ each time.
function print(element) {
  const copy = element.cloneNode(true);
  for (const each of copy.querySelectorAll("time")) each.textContent = "";
  for (const each of copy.querySelectorAll("input[name=request_id]")) each.setAttribute("value", "");
  return copy.outerHTML;
}

function remember(root) {
  for (const each of root.querySelectorAll("[data-part], [data-list] > [data-key]")) prints.set(each, print(each));
}

function isInUse(element) {
  const words = [...element.querySelectorAll("textarea, input:not([type=hidden])")];
  return words.some((each) => each.value && each.value !== each.defaultValue) ||
    (element.contains(document.activeElement) && document.activeElement.matches("textarea, input, select"));
}

function put(now, next) {
  if (prints.get(now) === print(next)) return now;
  if (isInUse(now)) {
    isStale = true;
    return now;
  }
  const wasFocused = now.contains(document.activeElement);
  const fresh = document.importNode(next, true);
  prints.set(fresh, print(next));
  now.replaceWith(fresh);
  if (wasFocused) (fresh.querySelector("a, button") ?? fresh).focus({ preventScroll: true });
  return fresh;
}

function patchList(list, next) {
  const known = new Map([...list.children].map((each) => [each.dataset.key, each]));
  let before = null;
  for (const each of next.children) {
    const key = each.dataset.key;
    let fresh = known.get(key);
    if (fresh) {
      fresh = put(fresh, each);
    } else {
      fresh = document.importNode(each, true);
      fresh.classList.add("arrived");
      prints.set(fresh, print(each));
    }
    known.delete(key);
    const place = before ? before.nextElementSibling : list.firstElementChild;
    if (place !== fresh) list.insertBefore(fresh, place);
    before = fresh;
  }
  if (list.dataset.list !== "grows") for (const each of known.values()) if (!isInUse(each)) each.remove();
}

function patch(page) {
  const next = page.getElementById("main");
  for (const list of next.querySelectorAll("[data-list]")) {
    const now = document.getElementById(list.id);
    if (now) patchList(now, list);
  }
  for (const part of next.querySelectorAll("[data-part]")) {
    const now = document.getElementById(part.id);
    if (now) put(now, part);
    else location.reload();
  }
  document.title = page.title;
  listeners.forEach((each) => each());
}

async function refresh() {
  if (isLoading) return (isStale = true);
  isLoading = true;
  isStale = false;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (answer.ok) patch(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    isStale = true;
  } finally {
    isLoading = false;
  }
}

function tell(text) {
  state.hidden = !text;
  state.textContent = text;
}

function listen() {
  const address = new URL(main.dataset.live, location.href);
  address.searchParams.set("known", digest);
  source = new EventSource(address);
  source.addEventListener("changed", (event) => {
    digest = JSON.parse(event.data);
    refresh();
  });
  source.addEventListener("state", (event) => {
    const said = JSON.parse(event.data);
    tell(said === "live" ? "" : said);
  });
  source.addEventListener("error", () => tell("The console does not answer. Is it still running?"));
  source.addEventListener("open", () => tell(""));
}

// Closes the stream of a hidden page, because a browser opens few connections to one host.
function follow() {
  if (document.hidden) {
    source?.close();
    source = undefined;
  } else if (!source) {
    listen();
  }
}

export function keepLive() {
  if (!main?.dataset.live) return;
  digest = main.dataset.digest;
  remember(document);
  if (!document.hidden) listen();
  document.addEventListener("visibilitychange", follow);
  document.addEventListener("focusout", () => isStale && setTimeout(refresh, 200));
}
