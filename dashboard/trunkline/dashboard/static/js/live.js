// The live page: rows come and go by server-sent events.

import { element, patch, setServerNow, tick } from "./dom.js";
import { follow } from "./stream.js";

export function start() {
  const page = document.querySelector('[data-page="live"]');
  const list = document.getElementById("live-list");
  const feed = page.querySelector("[data-feed]");
  const empty = page.querySelector("[data-empty]");
  let endedShown = list.querySelectorAll(".is-ended").length;
  const row = (id) => list.querySelector(`[data-call="${CSS.escape(id)}"]`);

  function say(state, text) {
    feed.dataset.feedState = state;
    feed.querySelector("[data-feed-text]").textContent = text;
  }

  const handlers = {
    row(html) {
      const fresh = element(html);
      const old = row(fresh.dataset.call);
      if (old) {
        const isPicked = old.classList.contains("is-picked");
        patch(old, fresh);
        old.classList.toggle("is-picked", isPicked);
      } else {
        fresh.classList.add("is-new");
        list.append(fresh);
        window.htmx?.process(fresh);
      }
      tick(list);
    },
    sync(json) {
      const ids = JSON.parse(json);
      for (const one of [...list.children]) {
        if (ids.includes(one.dataset.call)) continue;
        if (!one.classList.contains("is-ended")) endedShown = -1;
        one.remove();
      }
      ids.forEach((id, place) => {
        const one = row(id);
        if (one && list.children[place] !== one) list.insertBefore(one, list.children[place]);
      });
      empty.hidden = ids.length > 0;
    },
    status(json) {
      const status = JSON.parse(json);
      const ended = list.querySelectorAll(".is-ended").length;
      if (ended !== endedShown) document.body.dispatchEvent(new Event("trunkline:ended"));
      endedShown = ended;
      setServerNow(status.now);
      for (const badge of document.querySelectorAll("[data-live-count]")) {
        badge.textContent = status.live;
        badge.hidden = status.live === 0;
      }
      if (status.degraded) say("degraded", "Redis is away: updates every few seconds");
      else say("live", status.live === 1 ? "1 call, up to date" : `${status.live} calls, up to date`);
    },
  };

  follow(page.dataset.stream, handlers, (state) => {
    if (state === "reconnecting") say("reconnecting", "Connection lost, trying again");
  });
}
