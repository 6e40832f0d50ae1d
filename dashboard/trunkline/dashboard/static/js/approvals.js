// The approvals inbox: the queue kept true, news of the one that is open, keys and alerts.

import { element, setServerNow, tick, toast } from "./dom.js";
import { showTail } from "./tail.js";
import { follow } from "./stream.js";

const ALERTS = "trunkline_approval_alerts";
// What has just come under the operator's eyes is not decided by a key they were about to press.
const LOOK_FIRST_MS = 800;

export function start() {
  const page = document.querySelector('[data-page="approvals"]');
  const box = page.querySelector("[data-queue]");
  const main = page.querySelector("[data-main]");
  const moved = page.querySelector("[data-moved]");
  const empty = page.querySelector("[data-empty]");
  const feed = page.querySelector("[data-feed]");
  const badge = document.querySelector("[data-approval-count]");
  const title = document.title.replace(/^\(\d+\) /, "");
  const article = () => main.querySelector("[data-shown]");
  const shown = article()?.dataset.shown ?? "";
  const ids = () => [...box.querySelectorAll('[data-ask="yes"]')].map((row) => row.dataset.approval);
  let known = new Set(ids());
  let changedAt = 0;
  let isFetching = false;
  let isStale = false;

  setServerNow(Number(page.dataset.now));
  tick();
  showTail(main);

  function say(state, text) {
    feed.dataset.feedState = state;
    feed.querySelector("[data-feed-text]").textContent = text;
  }

  // ---- the one that is open

  const isEdited = () =>
    [...main.querySelectorAll("[data-was]")].some((one) => one.value !== one.dataset.was);

  function isBusy() {
    const field = document.activeElement?.closest?.("input, select, textarea");
    if (field && main.contains(field)) return true;
    if (main.querySelector("[data-refuse][open]")) return true;
    return isEdited();
  }

  async function refresh() {
    if (isBusy()) {
      moved.hidden = false;
      return;
    }
    if (isFetching) {
      isStale = true;
      return;
    }
    isFetching = true;
    try {
      const answer = await fetch(article().dataset.path ?? `/approvals/${shown}`, {
        headers: { "HX-Request": "true" },
        cache: "no-store",
      });
      if (!answer.ok) throw new Error(String(answer.status));
      const fresh = element(await answer.text());
      // Who began to type meanwhile keeps what they see.
      if (isBusy()) moved.hidden = false;
      else {
        if (fresh.dataset.hash !== article().dataset.hash) changedAt = Date.now();
        // Whoever listens goes on listening.
        const player = main.querySelector("[data-tail]");
        if (player && !player.paused) fresh.querySelector("[data-tail]")?.replaceWith(player);
        article().replaceWith(fresh);
        showTail(main);
        moved.hidden = true;
        tick(main);
      }
    } catch {
      moved.hidden = false;
    } finally {
      isFetching = false;
      if (isStale) {
        isStale = false;
        refresh();
      }
    }
  }

  // ---- alerts

  const button = page.querySelector("[data-alerts]");
  let sound = null;

  const isOn = () => localStorage.getItem(ALERTS) === "on";

  function showAlerts() {
    button.hidden = false;
    button.setAttribute("aria-pressed", String(isOn()));
    button.textContent = isOn() ? "Alerts are on" : "Alert me";
  }

  function chime() {
    sound ??= new AudioContext();
    if (sound.state !== "running") return;
    for (const [place, hertz] of [660, 880].entries()) {
      const tone = sound.createOscillator();
      const gain = sound.createGain();
      const from = sound.currentTime + place * 0.16;
      tone.frequency.value = hertz;
      gain.gain.setValueAtTime(0.0001, from);
      gain.gain.exponentialRampToValueAtTime(0.2, from + 0.02);
      gain.gain.exponentialRampToValueAtTime(0.0001, from + 0.15);
      tone.connect(gain).connect(sound.destination);
      tone.start(from);
      tone.stop(from + 0.16);
    }
  }

  button.addEventListener("click", async () => {
    localStorage.setItem(ALERTS, isOn() ? "off" : "on");
    showAlerts();
    if (!isOn()) return;
    sound ??= new AudioContext();
    await sound.resume();
    chime();
    if ("Notification" in window && Notification.permission === "default") {
      await Notification.requestPermission();
    }
  });
  // A browser plays nothing before the page was touched.
  document.addEventListener("pointerdown", () => isOn() && (sound ??= new AudioContext()).resume(), { once: true });
  showAlerts();

  function alertOf(rows) {
    toast(rows.length === 1 ? `New: ${rows[0].dataset.question}` : `${rows.length} new requests`);
    if (!isOn()) return;
    chime();
    // Only that something waits: what a caller wants is not for a locked screen.
    if (document.hidden && "Notification" in window && Notification.permission === "granted") {
      const note = new Notification("Trunkline: a caller waits for an approval", {
        tag: "trunkline-approval",
      });
      note.onclick = () => {
        window.focus();
        location.assign(rows[0].querySelector("a").href);
      };
    }
  }

  // ---- what the server sends

  const handlers = {
    queue(html) {
      const fresh = element(html);
      const old = box.querySelector(".ask-list");
      const picked = old.querySelector(".is-picked")?.dataset.approval;
      const focused = old.contains(document.activeElement)
        ? document.activeElement.closest("[data-approval]")?.dataset.approval
        : "";
      const isNew = (row) => row.dataset.ask === "yes" && !known.has(row.dataset.approval);
      const rows = [...fresh.querySelectorAll("[data-approval]")].filter(isNew);
      old.replaceWith(fresh);
      const row = (id) => (id ? fresh.querySelector(`[data-approval="${CSS.escape(id)}"]`) : null);
      row(picked)?.classList.add("is-picked");
      row(focused)?.querySelector("a").focus({ preventScroll: true });
      for (const one of rows) one.classList.add("is-new");
      known = new Set([...known, ...ids()]);
      empty.hidden = fresh.children.length > 0;
      setServerNow(Number(fresh.dataset.now));
      tick(fresh);
      if (rows.length) alertOf(rows);
    },
    changed(json) {
      const { revision } = JSON.parse(json);
      if (article() && Number(article().dataset.revision) < revision) refresh();
    },
    said(html) {
      main.querySelector("[data-said]")?.replaceWith(element(html));
    },
    take(html) {
      main.querySelector("[data-take-state]")?.replaceWith(element(html));
    },
    status(json) {
      const status = JSON.parse(json);
      if (status.current) setServerNow(status.now);
      badge.textContent = status.open;
      badge.hidden = status.open === 0;
      document.title = status.open ? `(${status.open}) ${title}` : title;
      if (!status.current) say("degraded", "The database is away: what you see may be old");
      else say("live", status.open === 1 ? "1 waits, up to date" : `${status.open} wait, up to date`);
    },
  };

  follow(
    page.dataset.stream,
    handlers,
    (state) => {
      if (state === "reconnecting") say("reconnecting", "Connection lost, trying again");
    },
    { staysOpen: true },
  );

  // ---- keys: before the page's own, which has another use for t

  const keys = {
    a() {
      const grant = main.querySelector("[data-grant]");
      if (!grant || grant.querySelector("button").disabled) return;
      if (isBusy() || !moved.hidden) return toast("Save or undo your change first.", "bad");
      if (Date.now() - changedAt < LOOK_FIRST_MS) return toast("It has just changed: look first.");
      grant.requestSubmit();
    },
    d() {
      const refuse = main.querySelector("[data-refuse]");
      if (!refuse) return;
      refuse.open = true;
      refuse.querySelector("[data-reason]").focus();
    },
    e() {
      const field = main.querySelector("[data-was]");
      field?.focus();
      field?.select?.();
    },
    t() {
      const take = main.querySelector("[data-take]");
      const phone = take?.querySelector("[data-phone]");
      if (!phone) return toast("The call is over, or not yours to take.");
      // The first time one says which phone; it is remembered.
      if (phone.value.trim()) take.requestSubmit();
      else phone.focus();
    },
  };
  let chord = 0;

  document.addEventListener(
    "keydown",
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      if (event.target.closest?.("input, select, textarea, [contenteditable]")) return;
      if (document.querySelector("dialog[open]")) return;
      if (event.key === "g") chord = Date.now();
      const act = Date.now() - chord < 1200 ? null : keys[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    },
    { capture: true },
  );

  // Twice is once: the second click of a form that is on its way does nothing.
  document.addEventListener("submit", (event) => {
    if (!main.contains(event.target)) return;
    if (event.target.matches("[data-grant]") && isEdited()) {
      // What is typed and not saved would not be what is approved.
      event.preventDefault();
      toast("Save or undo your change first.", "bad");
      return;
    }
    if (event.target.dataset.sent) event.preventDefault();
    event.target.dataset.sent = "yes";
  });
}
