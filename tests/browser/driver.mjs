// Drives Chromium for driver.py: a command is a line of JSON on the standard input, its answer a line on the output.
// It runs in the folder that has puppeteer-core and axe-core.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const require = createRequire(join(process.cwd(), "package.json"));
const puppeteer = require("puppeteer-core").default;
const PATIENCE_MS = 90_000; // a machine with other work to do takes half a minute for a function to start

// Not the package's own arguments: those switch off what keeps one origin from another.
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM,
  headless: "shell",
  pipe: true,
  args: [
    "--no-sandbox", // which root may not have; the pages are the tests' own
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--font-render-hinting=none",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
  ],
});

const pages = new Map();
const axe = await readFile(require.resolve("axe-core/axe.min.js"), "utf8");
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const found = (page, selector) => page.locator(selector).setTimeout(PATIENCE_MS);

// Asked again and again from here: a strict Content-Security-Policy forbids a page to be given functions to wait for.
async function until(page, expression) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const value = await page.evaluate(expression).catch((error) => {
      if (!/context|navigat|detached/i.test(error.message)) throw error;
    });
    if (value) return value;
    if (Date.now() > end) throw new Error(`never true: ${expression}`);
    await pause(100);
  }
}

// As a person drops files there: through the browser, not by an event that a script has made.
async function drop(page, selector, files) {
  const element = await page.waitForSelector(selector, { visible: true, timeout: PATIENCE_MS });
  await element.scrollIntoView();
  const { x, y } = await element.clickablePoint();
  const client = await page.createCDPSession();
  for (const type of ["dragEnter", "dragOver", "drop"]) {
    await client.send("Input.dispatchDragEvent", { type, x, y, data: { items: [], files, dragOperationsMask: 1 } });
  }
  await client.detach();
}

async function press(page, keys) {
  const [key, ...held] = keys.split("+").reverse();
  for (const each of held) await page.keyboard.down(each);
  await page.keyboard.press(key);
  for (const each of held) await page.keyboard.up(each);
}

function noted(page) {
  const notes = { errors: [], requests: [], dialogs: [] };
  page.on("console", (message) => message.type() === "error" && notes.errors.push(message.text()));
  page.on("pageerror", (error) => notes.errors.push(String(error)));
  page.on("request", (request) => notes.requests.push({ method: request.method(), url: request.url() }));
  page.on("dialog", (dialog) => {
    notes.dialogs.push(dialog.message());
    dialog.accept().catch(() => {});
  });
  return notes;
}

async function look(page, { width, height, theme }) {
  await page.setViewport({ width, height });
  await page.emulateMediaFeatures([
    { name: "prefers-color-scheme", value: theme },
    { name: "prefers-reduced-motion", value: "reduce" },
  ]);
}

const commands = {
  async open({ page: name, ...wanted }) {
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    pages.set(name, { page, context, notes: noted(page) });
    await look(page, wanted);
  },
  look: ({ page, ...wanted }) => look(page, wanted),
  goto: async ({ page, url }) => (await page.goto(url, { waitUntil: "load", timeout: PATIENCE_MS }))?.status(),
  click: ({ page, selector, count }) => found(page, selector).click({ count }),
  fill: ({ page, selector, text }) => found(page, selector).fill(text),
  choose: async ({ page, selector, files }) =>
    (await page.waitForSelector(selector, { timeout: PATIENCE_MS })).uploadFile(...files),
  type: ({ page, text }) => page.keyboard.type(text),
  press: ({ page, keys }) => press(page, keys),
  drop: ({ page, selector, files }) => drop(page, selector, files),
  see: async ({ page, selector }) => {
    await page.waitForSelector(selector, { visible: true, timeout: PATIENCE_MS });
  },
  until: ({ page, expression }) => until(page, expression),
  evaluate: ({ page, expression }) => page.evaluate(expression),
  screenshot: ({ page, path, full }) => page.screenshot({ path, fullPage: full }).then(() => {}),
  async axe({ page }) {
    await page.evaluate(axe);
    const { violations } = await page.evaluate("axe.run(document)");
    return violations.map(({ id, impact, help, nodes }) => ({ id, impact, help, where: nodes.map((node) => node.html) }));
  },
  notes: ({ notes }) => notes,
  async close({ context }, name) {
    await context.close();
    pages.delete(name);
  },
};

const answer = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
answer({ value: await browser.version() });
for await (const line of createInterface({ input: process.stdin })) {
  const { command, page, ...words } = JSON.parse(line);
  try {
    const value = await commands[command]({ ...words, page, ...pages.get(page) }, page);
    answer({ value: value ?? null });
  } catch (error) {
    answer({ error: String(error?.message ?? error) });
  }
}
await browser.close();
