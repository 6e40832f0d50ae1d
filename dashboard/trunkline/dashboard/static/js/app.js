// What every page has: theme, time zone, dialogs, shortcuts, ticking durations.

import { tick, toast } from "./dom.js";

const COUNT_MS = 5000;
const YEAR_S = 365 * 24 * 3600;

function setCookie(name, value) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${name}=${value}; Path=/; Max-Age=${YEAR_S}; SameSite=Lax${secure}`;
}

function tellZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && !document.cookie.includes(`trunkline_zone=${zone};`)) setCookie("trunkline_zone", zone);
}

function nextTheme() {
  const order = ["auto", "dark", "light"];
  const root = document.documentElement;
  const theme = order[(order.indexOf(root.dataset.theme) + 1) % order.length];
  root.dataset.theme = theme;
  setCookie("trunkline_theme", theme);
  toast(`Theme: ${theme === "auto" ? "as the system" : theme}`);
  document.dispatchEvent(new Event("trunkline:theme"));
}

// ---- dialogs

const dialog = () => document.getElementById("dialog");

document.addEventListener("click", (event) => {
  const target = event.target.closest?.("[data-help], [data-theme-toggle], [data-dialog-close]");
  if (!target) return;
  if (target.matches("[data-help]")) document.getElementById("help").showModal();
  else if (target.matches("[data-theme-toggle]")) nextTheme();
  else if (dialog()?.open) {
    event.preventDefault();
    dialog().close();
  }
});

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id === "dialog-body") {
    const done = event.detail.target.querySelector("[data-dialog-done]");
    if (done) {
      dialog().close();
      toast(done.dataset.dialogDone);
    } else if (!dialog().open) dialog().showModal();
  }
  tick();
});

document.addEventListener("htmx:responseError", (event) => {
  if (dialog()?.open) dialog().close();
  const text = event.detail.xhr.responseText.trim();
  toast(text && !text.startsWith("<") ? text.slice(0, 200) : "That did not work.", "bad");
});
document.addEventListener("htmx:sendError", () => toast("The server cannot be reached.", "bad"));

// ---- keyboard

let chord = 0;

function moveItem(by) {
  const items = [...document.querySelectorAll("[data-item]")].filter((one) => one.offsetParent);
  if (!items.length) return;
  const at = items.findIndex((one) => one.classList.contains("is-picked"));
  const next = items[Math.max(0, Math.min(items.length - 1, at < 0 ? 0 : at + by))];
  if (at >= 0) items[at].classList.remove("is-picked");
  next.classList.add("is-picked");
  next.scrollIntoView({ block: "nearest" });
  const link = next.querySelector("[data-open], [data-seek]");
  link?.focus({ preventScroll: true });
}

const goes = { l: "/", p: "/approvals", c: "/calls", f: "/flows", t: "/trunks", u: "/usage", r: "/policies", m: "/users" };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const field = event.target.closest?.("input, select, textarea, [contenteditable]");
  if (field) {
    if (event.key === "Escape") field.blur();
    return;
  }
  if (document.querySelector("dialog[open]") || !document.querySelector(".shell")) return;
  if (Date.now() - chord < 1200 && goes[event.key]) {
    chord = 0;
    location.assign(goes[event.key]);
    return;
  }
  switch (event.key) {
    case "g": chord = Date.now(); return;
    case "?": document.getElementById("help").showModal(); break;
    case "t": nextTheme(); break;
    case "j": moveItem(1); break;
    case "k": moveItem(-1); break;
    case "/": {
      const search = document.querySelector("[data-search]");
      if (search) search.focus();
      else location.assign("/calls");
      break;
    }
    case "x":
      (document.querySelector(".is-picked [data-hang-up]") ??
        document.querySelector(".call [data-hang-up]"))?.click();
      break;
    default: return;
  }
  event.preventDefault();
});

// A row of a table opens its call wherever it is clicked, unless text is being picked.
document.addEventListener("click", (event) => {
  const row = event.target.closest?.("tr[data-item]");
  if (!row || event.target.closest("a, button, summary") || String(getSelection())) return;
  row.querySelector("[data-open]")?.click();
});

// On a phone the filters are folded away, unless one of them is set.
const filterToggle = document.querySelector("[data-filter-toggle]");
const foldFilters = (isFolded) => filterToggle?.setAttribute("aria-expanded", String(!isFolded));
foldFilters(
  matchMedia("(max-width: 780px)").matches && !document.querySelector("[data-filtered=yes]"),
);
filterToggle?.addEventListener("click", () =>
  foldFilters(filterToggle.getAttribute("aria-expanded") === "true"),
);

// How many approvals are open, on pages that have no stream of them.
function keepCount() {
  const badge = document.querySelector("[data-approval-count]");
  setInterval(async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch("/approvals/count", { redirect: "manual", cache: "no-store" });
      if (!answer.ok) return;
      const { open } = await answer.json();
      badge.textContent = open;
      badge.hidden = open === 0;
    } catch {
      // The server is away; the next round asks again.
    }
  }, COUNT_MS);
}

tellZone();
tick();
setInterval(tick, 1000);

const page = document.querySelector("[data-page]")?.dataset.page;
if (page === "live") import("./live.js").then((module) => module.start());
if (page === "approvals") import("./approvals.js").then((module) => module.start());
else if (document.querySelector("[data-approval-count]")) keepCount();
if (page === "call") import("./call.js").then((module) => module.start());
if (page === "flow") import("./flow.js").then((module) => module.startFlow());
if (page === "flow-edit") import("./flow.js").then((module) => module.startEditor());
