// Server-sent events that survive: resumed after Last-Event-ID, closed while nobody looks.

const HIDDEN_MS = 20_000;
const MAX_RETRY_MS = 10_000;

/**
 * Follow `url`; `handlers` by event name get (data). `onState` hears "live", "reconnecting".
 * `staysOpen`: also while nobody looks. Returns a function that ends it.
 */
export function follow(url, handlers, onState = () => {}, { staysOpen = false } = {}) {
  let source = null;
  let last = "";
  let failures = 0;
  let timer = 0;
  let isOver = false;

  function open() {
    clearTimeout(timer);
    if (isOver || source) return;
    source = new EventSource(
      last ? `${url}${url.includes("?") ? "&" : "?"}last=${encodeURIComponent(last)}` : url,
    );
    source.onopen = () => {
      failures = 0;
      onState("live");
    };
    source.onerror = () => {
      onState("reconnecting");
      // A dropped connection is resumed by the browser itself; a refused one is ours to retry.
      if (source?.readyState === EventSource.CLOSED) retry();
    };
    for (const [name, handle] of Object.entries(handlers)) {
      source.addEventListener(name, (event) => {
        if (event.lastEventId) last = event.lastEventId;
        handle(event.data);
      });
    }
  }

  function close() {
    clearTimeout(timer);
    source?.close();
    source = null;
  }

  async function retry() {
    close();
    failures += 1;
    timer = setTimeout(open, Math.min(MAX_RETRY_MS, 500 * 2 ** failures));
    try {
      const answer = await fetch("/session", { redirect: "manual", cache: "no-store" });
      if (answer.type === "opaqueredirect" || answer.status === 401) location.reload();
    } catch {
      // The server is away; the timer tries again.
    }
  }

  function visibility() {
    clearTimeout(timer);
    if (document.hidden && staysOpen) return;
    if (document.hidden) timer = setTimeout(close, HIDDEN_MS);
    else open();
  }

  function end() {
    isOver = true;
    close();
    document.removeEventListener("visibilitychange", visibility);
  }

  document.addEventListener("visibilitychange", visibility);
  open();
  return end;
}
