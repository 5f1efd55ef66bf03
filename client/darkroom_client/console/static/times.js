// Keeps texts such as "3 min ago" up to date while the page is open.

const UNITS = [["d", 86400], ["h", 3600], ["min", 60]];

function ago(at) {
  const seconds = (Date.now() - at.getTime()) / 1000;
  if (seconds > 7 * 86400) return at.toISOString().slice(0, 10);
  for (const [unit, length] of UNITS) if (seconds >= length) return `${Math.floor(seconds / length)} ${unit} ago`;
  return "now";
}

function left(at) {
  const seconds = Math.max(0, (at.getTime() - Date.now()) / 1000);
  for (const [unit, length] of UNITS) if (seconds >= length) return `in ${Math.ceil(seconds / length)} ${unit}`;
  return `in ${Math.ceil(seconds)} s`;
}

function tell() {
  for (const each of document.querySelectorAll("time[datetime]")) {
    const at = new Date(each.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const said = at > Date.now() ? left(at) : ago(at);
    if (each.textContent !== said) each.textContent = said;
  }
}

let isKept = false;

export function keepTime() {
  tell();
  if (!isKept) setInterval(tell, 5000);
  isKept = true;
}
