// Small pieces every page uses.

/** The one element that `html` describes. Scripts in it never run. */
export function element(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html.trim();
  return holder.content.firstElementChild;
}

/** Bring `old` in line with `fresh`, part by part, so that focus and open details stay. */
export function patch(old, fresh) {
  old.className = fresh.className;
  for (const part of fresh.querySelectorAll("[data-part]")) patchPart(old, part);
}

export function patchPart(root, part) {
  for (const mine of root.querySelectorAll(`[data-part="${part.dataset.part}"]`)) {
    if (mine.innerHTML.trim() === part.innerHTML.trim()) continue;
    mine.innerHTML = part.innerHTML;
    window.htmx?.process(mine);
  }
}

/** 0:42, 12:07, 1:02:09 */
export function duration(ms) {
  const all = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

const SOON_MS = 15_000;
let clockSkewMs = 0;

/** Count by the server's clock: the operator's may be wrong. */
export function setServerNow(ms) {
  clockSkewMs = ms - Date.now();
}

export function tick(root = document) {
  const now = Date.now() + clockSkewMs;
  for (const time of root.querySelectorAll("[data-since]")) {
    const text = duration(now - Number(time.dataset.since));
    if (time.textContent !== text) time.textContent = text;
  }
  for (const time of root.querySelectorAll("[data-until]")) {
    const left = Number(time.dataset.until) - now;
    const text = left > 0 ? duration(left + 999) : "0:00";
    if (time.textContent !== text) time.textContent = text;
    time.classList.toggle("is-soon", left > 0 && left <= SOON_MS);
    time.classList.toggle("is-late", left <= 0);
  }
}

export function toast(text, tone = "") {
  const box = document.getElementById("toasts");
  if (!box) return;
  const note = document.createElement("p");
  note.className = `toast ${tone}`;
  note.textContent = text;
  box.append(note);
  setTimeout(() => note.remove(), 5000);
}
