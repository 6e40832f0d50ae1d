// Flows: the canary's share as it is dragged, and the editor of a draft.

import { element } from "./dom.js";

const CHECK_AFTER_MS = 500;

export function startFlow() {
  const share = document.querySelector("[data-share]");
  const out = document.querySelector("[data-share-out]");
  share?.addEventListener("input", () => {
    out.textContent = `${share.value} %`;
    share.setAttribute("aria-valuetext", `${share.value} %`);
  });
  document.querySelectorAll("[data-drawing]").forEach(centre);
}

/** A flow begins in the middle of the top, which a narrow window would not show. */
function centre(box) {
  const image = box.querySelector("img");
  const scroll = () => {
    const hidden = box.scrollWidth - box.clientWidth;
    if (hidden > box.clientWidth / 2) box.scrollLeft = hidden / 2;
  };
  if (image.complete) scroll();
  else image.addEventListener("load", scroll, { once: true });
}

export function startEditor() {
  const page = document.querySelector("[data-page=flow-edit]");
  const form = page.querySelector("[data-draft]");
  const text = form.querySelector("[data-text]");
  const gutter = form.querySelector("[data-gutter]");
  const box = form.querySelector("[data-findings-box]");
  const state = form.querySelector("[data-state]");
  const csrf = form.querySelector("[name=csrf]").value;
  const saved = form.hasAttribute("data-saved") ? text.value : null;
  const first = text.value;
  const wide = matchMedia("(min-width: 781px)");
  let checked = text.value;
  let timer = 0;
  let asked = 0;
  let isLeaving = false;

  document.documentElement.classList.add("has-script");

  // ---- line numbers, and what is said about lines

  function number() {
    const lines = text.value.split("\n").length;
    text.rows = Math.max(lines + 1, 24);
    while (gutter.children.length > lines) gutter.lastElementChild.remove();
    while (gutter.children.length < lines) {
      const one = document.createElement("div");
      one.textContent = gutter.children.length + 1;
      gutter.append(one);
    }
  }

  function mark() {
    for (const one of gutter.children) one.className = "";
    for (const finding of box.querySelectorAll("[data-line]")) {
      const line = gutter.children[Number(finding.dataset.line) - 1];
      if (!line || line.className === "error") continue;
      line.className = finding.classList.contains("error") ? "error" : "warning";
    }
  }

  /** Each beside its line, or below the one before it. */
  function place() {
    const findings = box.querySelector("[data-findings]");
    findings.classList.toggle("is-placed", wide.matches);
    let free = 40;
    for (const finding of findings.querySelectorAll("[data-line]")) {
      if (!wide.matches) {
        finding.style.top = "";
        continue;
      }
      const line = gutter.children[Math.min(Number(finding.dataset.line), gutter.children.length) - 1];
      const top = Math.max(free, line.offsetTop - 4);
      finding.style.top = `${top}px`;
      free = top + finding.offsetHeight + 6;
    }
    box.style.minHeight = wide.matches ? `${free}px` : "";
  }

  function show() {
    number();
    mark();
    place();
  }

  function tell() {
    const isNew = saved === null || text.value !== saved;
    const words = isNew ? (text.value === first ? "" : "Not saved yet") : "Saved";
    // Said here too: this line stays, so that screen readers are told when it changes.
    const errors = Number(box.querySelector("[data-findings]").dataset.errors);
    const found = errors ? `${errors} ${errors === 1 ? "error" : "errors"}` : "";
    const now = [words, found].filter(Boolean).join(", ");
    if (state.textContent !== now) state.textContent = now;
  }

  async function check() {
    const wanted = text.value;
    const mine = ++asked;
    if (wanted === checked) return;
    let html = "";
    try {
      const answer = await fetch(page.dataset.check, {
        method: "POST",
        headers: { "X-CSRF-Token": csrf, "HX-Request": "true" },
        body: new URLSearchParams({ text: wanted }),
      });
      html = await answer.text();
      if (!answer.ok) throw new Error(html);
    } catch {
      // Saving and publishing check again; what stands beside the text is of an older one.
      if (mine === asked) state.textContent = "Not checked: the server cannot be reached";
      return;
    }
    if (mine !== asked) return;
    checked = wanted;
    box.replaceChildren(element(html));
    show();
    tell();
  }

  text.addEventListener("input", () => {
    number();
    tell();
    clearTimeout(timer);
    timer = setTimeout(check, CHECK_AFTER_MS);
  });

  // ---- from a complaint to its line, and from a line to its complaint

  function goTo(line) {
    const lines = text.value.split("\n");
    const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
    text.focus({ preventScroll: true });
    text.setSelectionRange(start, start + (lines[line - 1] ?? "").length);
    gutter.children[line - 1]?.scrollIntoView({ block: "center" });
  }

  box.addEventListener("click", (event) => {
    const link = event.target.closest("[data-goto]");
    if (!link) return;
    event.preventDefault();
    goTo(Number(link.dataset.goto));
  });
  box.addEventListener("toggle", place, true);
  wide.addEventListener("change", show);
  addEventListener("resize", place);

  // ---- saving, and not losing what is not saved

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
      event.preventDefault();
      form.requestSubmit(form.querySelector("[data-save]"));
    }
  });
  document.addEventListener("submit", () => (isLeaving = true));
  page.querySelector("[data-leave]")?.addEventListener("click", () => (isLeaving = true));
  addEventListener("beforeunload", (event) => {
    if (!isLeaving && text.value !== first) event.preventDefault();
  });

  show();
  tell();
  const wanted = /^#L(\d+)$/.exec(location.hash);
  if (wanted) goTo(Number(wanted[1]));
  document.fonts?.ready.then(place);
}
