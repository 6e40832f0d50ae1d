// One call: its conversation grows while it is live; its recording plays when it has ended.

import { element, patchPart, setServerNow, tick, toast } from "./dom.js";
import { startPlayer } from "./player.js";
import { follow } from "./stream.js";

let endStream = () => {};
let endPlayer = () => {};

export function start() {
  const body = document.getElementById("call-body");
  endPlayer();
  endPlayer = document.getElementById("player") ? startPlayer(body) : () => {};
  endStream();
  endStream = body.dataset.stream ? followCall(body) : () => {};
}

/** Fetch the page's body anew: the call has ended, or the stream could not tell what happened. */
async function renew(body) {
  const answer = await fetch(body.dataset.url, { headers: { "HX-Request": "true" } });
  if (!answer.ok) return;
  const fresh = element(await answer.text());
  if (fresh?.id !== "call-body") return;
  body.replaceWith(fresh);
  window.htmx?.process(fresh);
  tick(fresh);
  start();
}

function followCall(body) {
  const list = body.querySelector("#timeline");

  function place(fresh) {
    const order = Number(fresh.dataset.order);
    let after = list.lastElementChild;
    while (after && Number(after.dataset.order) > order) after = after.previousElementSibling;
    if (after) after.after(fresh);
    else list.prepend(fresh);
  }

  const handlers = {
    entry(html) {
      const fresh = element(html);
      const old = list.querySelector(`[data-key="${CSS.escape(fresh.dataset.key)}"]`);
      body.querySelector(".talk [data-empty]")?.remove();
      if (old) {
        if (old.innerHTML.trim() === fresh.innerHTML.trim()) return;
        const opened = old.querySelector("details")?.open;
        old.replaceWith(fresh);
        if (opened) fresh.querySelector("details")?.setAttribute("open", "");
        return;
      }
      fresh.classList.add("is-new");
      const atEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 120;
      place(fresh);
      if (atEnd) scrollTo({ top: document.documentElement.scrollHeight });
    },
    now(html) {
      const holder = document.createElement("template");
      holder.innerHTML = html;
      for (const part of holder.content.querySelectorAll("[data-part]")) patchPart(body, part);
    },
    status(json) {
      const status = JSON.parse(json);
      if (status.now) setServerNow(status.now);
    },
    stale() {
      renew(body);
    },
    ended() {
      endStream();
      toast("The call has ended");
      renew(body);
    },
  };
  return follow(body.dataset.stream, handlers);
}
